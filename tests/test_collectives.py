"""Collectives counted in a text, every figure by hand."""

from resnet_jax.collectives import Collective, collectives, moved

# Forms that XLA writes for CPUs, GPUs and TPUs; whoever uses a result is not one.
PROGRAM = """
ENTRY %main {
  %g = f32[16,64]{1,0} all-gather(%p), dimensions={1}, replica_groups={{0,1,2,3}}
  %r = (f32[8]{0}, /*index=1*/bf16[2,3]{1,0}) all-reduce(%a, %b), to_apply=%add
  %s = f32[] all-reduce-start(%c), to_apply=%add
  %t = f32[] all-reduce-done(%s)
  %u = (f32[2,4]{1,0}, f32[8,4]{1,0}) all-gather-start(%d), dimensions={0}
  ROOT %v = f64[5]{0} reduce-scatter(%e), replica_groups={{0,1,2,3},{4,5,6,7}}
  %w = s8[6]{0} reduce-scatter(%e), replica_groups=[4,2]<=[8], dimensions={0}
  %x = pred[3]{0} reduce-scatter(%e), replica_groups=mesh['axis_0'=4,'axis_1'=2], device_ids=([8]) {'axis_0'}, dimensions={0}
  %y = (u8[7]{0}, u8[7]{0}, u32[], u32[]) collective-permute-start(%f)
  %z = f32[1]{0} fusion(%g), calls=%all-gather.clone, metadata={op_name="all-gather("}
}
"""  # noqa: E501


def test_every_form_is_found_and_nothing_else():
    assert collectives(PROGRAM) == [
        Collective("all-gather", (("f32", (16, 64)),)),
        Collective("all-reduce", (("f32", (8,)), ("bf16", (2, 3)))),
        Collective("all-reduce", (("f32", ()),)),
        Collective("all-gather", (("f32", (8, 4)),)),
        Collective("reduce-scatter", (("f64", (4, 5)),)),
        Collective("reduce-scatter", (("s8", (2, 6)),)),
        Collective("reduce-scatter", (("pred", (4, 3)),)),
        Collective("collective-permute", (("u8", (7,)),)),
    ]


def test_bytes_by_kind():
    assert moved(PROGRAM) == {
        "all-gather": 4 * 16 * 64 + 4 * 8 * 4,
        "all-reduce": 4 * 8 + 2 * 6 + 4,
        "reduce-scatter": 8 * 20 + 12 + 12,
        "all-to-all": 0,
        "collective-permute": 7,
    }


def test_four_bits_are_half_a_byte():
    assert Collective("all-gather", (("s4", (6,)), ("f8e4m3fn", (2,)))).bytes == 5
