"""Published cells as their codes write them.

Sources: quark0/darts (DARTS), yuhuixu1993/PC-DARTS, chenxin061/pdarts, D-X-Y's GDAS, MdeNAS.
"""

from __future__ import annotations

DARTS_V2 = """DARTS_V2 = Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
    ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0),
    ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5],
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
    ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
    reduce_concat=[2, 3, 4, 5])"""
PC_DARTS = """Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0),
    ('dil_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0),
    ('dil_conv_3x3', 1)], normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1),
    ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0),
    ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))"""
P_DARTS = """gt.Genotype(normal=[[('skip_connect', 0), ('dil_conv_3x3', 1)], [('skip_connect', 0),
    ('sep_conv_3x3', 1)], [('sep_conv_3x3', 1), ('sep_conv_3x3', 3)], [('sep_conv_3x3', 0),
    ('dil_conv_5x5', 4)]], normal_concat=list(range(2, 6)), reduce=[[('avg_pool_3x3', 0),
    ('sep_conv_5x5', 1)], [('sep_conv_3x3', 0), ('dil_conv_5x5', 2)], [('max_pool_3x3', 0),
    ('dil_conv_3x3', 1)], [('dil_conv_3x3', 1), ('dil_conv_5x5', 3)]],
    reduce_concat=list(range(2, 6)))"""
GDAS = """GDAS_V1 = Genotype(
  normal=[
    (('skip_connect', 0), ('skip_connect', 1)),
    (('skip_connect', 0), ('sep_conv_5x5', 2)),
    (('sep_conv_3x3', 3), ('skip_connect', 0)),
    (('sep_conv_5x5', 4), ('sep_conv_3x3', 3))],
  normal_concat=None,
  reduce=[
    (('sep_conv_5x5', 0), ('sep_conv_3x3', 1)), # step 1
    (('sep_conv_5x5', 2), ('sep_conv_5x5', 1)),
    (('dil_conv_5x5', 2), ('sep_conv_3x3', 1)),
    (('sep_conv_5x5', 0), ('sep_conv_5x5', 1))],
  reduce_concat=[2, 3, 4, 5],
  connectN=None, connects=None
)
"""
MDENAS = """Genotype([('sep_conv_5x5', 1, 0.3), ('sep_conv_3x3', 0, 0.2), ('skip_connect', 0, 0.4),
    ('sep_conv_5x5', 1, 0.2), ('sep_conv_5x5', 3, 0.3), ('sep_conv_3x3', 1, 0.25),
    ('dil_conv_5x5', 3, 0.2), ('max_pool_3x3', 4, 0.2)], range(2, 6),
    [('max_pool_3x3', 0, 0.3), ('sep_conv_5x5', 1, 0.3), ('skip_connect', 0, 0.3),
    ('skip_connect', 1, 0.2), ('sep_conv_3x3', 3, 0.3), ('skip_connect', 2, 0.2),
    ('dil_conv_3x3', 3, 0.2), ('sep_conv_5x5', 0, 0.2)], range(2, 6))"""
