import os
from functools import partial
import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
MODE=os.environ.get("CONV","0")
DN=("NHWC","HWIO","NHWC")
def plain(x,k,strides,pad,dil,groups):
    return jax.lax.conv_general_dilated(x,k,window_strides=strides,padding=pad,rhs_dilation=dil,dimension_numbers=DN,feature_group_count=groups)

def apart(f,*a):
    with set_xla_metadata(inlineable="false"):
        return jax.jit(f)(*a)

def dwf(x,g,kshape,strides,pad,dil):
    hi=[d*(k-1)+s*(go-1)+1-n-lo for d,k,s,go,n,(lo,_) in zip(dil,kshape,strides,g.shape[1:3],x.shape[1:3],pad)]
    y=jax.lax.conv_general_dilated(x.transpose(3,1,2,0),g.transpose(1,2,0,3),window_strides=dil,padding=[(lo,h) for (lo,_),h in zip(pad,hi)],rhs_dilation=strides,dimension_numbers=DN)
    return y.transpose(1,2,0,3)

@partial(jax.custom_vjp,nondiff_argnums=(2,3,4,5))
def _conv(x,k,*a): return plain(x,k,*a)
def fwd(x,k,*a): return plain(x,k,*a),(x,k)
def bwd(strides,pad,dil,groups,res,g):
    a=(strides,pad,dil,groups)
    x,k=res
    def dxf(x,g,k): return jax.vjp(lambda x:plain(x,k,*a),x)[1](g)[0]
    f=partial(dwf,kshape=k.shape,strides=strides,pad=pad,dil=dil)
    if MODE=="1": return dxf(x,g,k),apart(f,x,g)
    if MODE=="2":
        hi=[d*(kk-1)+s*(go-1)+1-n-lo for d,kk,s,go,n,(lo,_) in zip(dil,k.shape,strides,g.shape[1:3],x.shape[1:3],pad)]
        xt=apart(lambda x:x.transpose(3,1,2,0),x); gt=apart(lambda g:g.transpose(1,2,0,3),g)
        y=jax.lax.conv_general_dilated(xt,gt,window_strides=dil,padding=[(lo,h) for (lo,_),h in zip(pad,hi)],rhs_dilation=strides,dimension_numbers=DN)
        return dxf(x,g,k),y.transpose(1,2,0,3)
    if MODE=="4":
        n=16 if x.shape[0]%16==0 else 1
        return dxf(x,g,k),apart(lambda x,g: sum(f(a,b) for a,b in zip(jnp.split(x,n),jnp.split(g,n))),x,g)
    return dxf(x,g,k),f(x,g)
_conv.defvjp(fwd,bwd)
def conv(x,k,strides,pad,dil,groups):
    if MODE=="0": return plain(x,k,strides,pad,dil,groups)
    return _conv(x,k,tuple(strides),tuple(map(tuple,pad)),dil,groups)
