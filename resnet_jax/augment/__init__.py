def create_augment(section): raise NotImplementedError
