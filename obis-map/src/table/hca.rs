//! Heat cost allocators, medium 4.

use super::{ANY, HIGH, MANDATORY, MIDDLE, OPTIONAL, Row, annex, outside, past, vib};
use crate::tag::{DP1, DT1, DT2, DT2_D, HC1, HC1_D, INSTANTANEOUS};

/// Annex A.3, the rows of this medium.
pub(crate) const ANNEX: &[Row] = &[
    annex(MANDATORY, "4-0:0.1.10*255", ANY, &[&DT2_D], &[]),
    annex(OPTIONAL, "4-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "4-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(OPTIONAL, "4-0:0.9.3*255", ANY, &[&DP1], &[]),
    annex(MANDATORY, "4-0:1.0.0*255", ANY, &[&HC1], &[]),
    annex(MANDATORY, "4-0:1.2.0*255", ANY, &[&HC1_D], &[]),
];

/// Outside the annex.
pub(crate) const OUTSIDE: &[Row] = &[
    outside(HIGH, "4-0:1.0.0*255", INSTANTANEOUS, 0, &[vib("FD 3A")], "TRuDI, solvimus"),
    outside(HIGH, "4-0:1.2.0*255", INSTANTANEOUS, 1, &[vib("FD 3A")], "TRuDI, solosTec OBIS list, solvimus"),
    outside(MIDDLE, "4-0:0.1.10*255", INSTANTANEOUS, 1, &[vib("6D")], "solosTec OBIS list, solvimus"),
    past("4-0:1.2.0*255", 2, &[vib("6E"), vib("FD 3A"), vib("EE FC 11")]),
];
