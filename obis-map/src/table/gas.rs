//! Gas, medium 7. Rows 43.15 to 43.17 become 43.63 to 43.65 when the telegram tells the averaging duration (`DP2!`).

use super::{ALTERNATIVE, ANY, CURRENT, OPTIONAL, RECENT, Row, annex, averaging, past, vib};
use crate::tag::{
    DP1, DP2, DT1, DT1_R, DT2, DT2_R, PR1, TC3, VF1, VF2, VF3, VM1, VM1_B, VM1_R, VM1_RT, VM1_T, VM2, VM2_B,
    VM2_R, VM2_RT, VM2_T, VM3, VM3_B, VM3_R, VM3_RT, VM3_T,
};

/// Annex A.3, the rows of this medium.
pub(crate) const ANNEX: &[Row] = &[
    annex(OPTIONAL, "7-0:0.1.2*f", ANY, &[], &[]),
    annex(OPTIONAL, "7-0:0.1.2*255", CURRENT, &[&DP1], &[]),
    annex(OPTIONAL, "7-0:0.1.2*f", RECENT, &[&DT1_R, &DT2_R], &[]),
    annex(OPTIONAL, "7-0:0.8.28*255", ANY, &[&DP2], &[]),
    annex(OPTIONAL, "7-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "7-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(ALTERNATIVE, "7-0:3.0.0*255", CURRENT, &[&VM2, &VM2_B], &[]),
    annex(OPTIONAL, "7-0:3.0.e*255", CURRENT, &[&VM2_T], &[]),
    annex(OPTIONAL, "7-0:3.0.0*f", RECENT, &[&VM2_R], &[]),
    annex(OPTIONAL, "7-0:3.0.e*f", RECENT, &[&VM2_RT], &[]),
    annex(ALTERNATIVE, "7-0:3.1.0*255", CURRENT, &[&VM1, &VM1_B], &[]),
    annex(OPTIONAL, "7-0:3.1.e*255", CURRENT, &[&VM1_T], &[]),
    annex(OPTIONAL, "7-0:3.1.0*f", RECENT, &[&VM1_R], &[]),
    annex(OPTIONAL, "7-0:3.1.e*f", RECENT, &[&VM1_RT], &[]),
    annex(ALTERNATIVE, "7-0:3.2.0*255", CURRENT, &[&VM3, &VM3_B], &[]),
    annex(OPTIONAL, "7-0:3.2.e*255", CURRENT, &[&VM3_T], &[]),
    annex(OPTIONAL, "7-0:3.2.0*f", RECENT, &[&VM3_R], &[]),
    annex(OPTIONAL, "7-0:3.2.e*f", RECENT, &[&VM3_RT], &[]),
    annex(OPTIONAL, "7-0:41.2.0*255", ANY, &[&TC3], &[]),
    annex(OPTIONAL, "7-0:42.2.0*255", ANY, &[&PR1], &[]),
    averaging(false, OPTIONAL, "7-0:43.15.0*255", &[&VF2]),
    averaging(false, OPTIONAL, "7-0:43.16.0*255", &[&VF1]),
    averaging(false, OPTIONAL, "7-0:43.17.0*255", &[&VF3]),
    averaging(true, OPTIONAL, "7-0:43.63.0*255", &[&VF2]),
    averaging(true, OPTIONAL, "7-0:43.64.0*255", &[&VF1]),
    averaging(true, OPTIONAL, "7-0:43.65.0*255", &[&VF3]),
];

/// Outside the annex.
pub(crate) const OUTSIDE: &[Row] = &[
    past("7-0:3.1.e*255", 1, &[vib("10-17")]),
    past("7-0:3.0.e*255", 1, &[vib("90-97 3A")]),
    past("7-0:3.2.e*255", 1, &[vib("90-97 3E")]),
];
