//! Heat, medium 6; also the heat registers of a combined heat and cooling meter.

use super::{ANY, HIGH, LOW, MANDATORY, MIDDLE, OPTIONAL, Row, annex, outside, past, vib};
use crate::tag::{
    DP1, DP2, DT1, DT2, DT2_D, EJ1, EJ1_B, EJ1_D, EW1, EW1_B, EW1_D, INSTANTANEOUS, MAXIMUM, PJ1, PW1, TC1,
    TC2, VF1, VM1, VM1_D,
};

/// Annex A.3, the rows of this medium.
pub(crate) const ANNEX: &[Row] = &[
    annex(OPTIONAL, "6-0:0.1.10*255", ANY, &[&DT2_D], &[]),
    annex(OPTIONAL, "6-0:0.8.5*255", ANY, &[&DP2], &[]),
    annex(OPTIONAL, "6-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "6-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(OPTIONAL, "6-0:0.9.3*255", ANY, &[&DP1], &[]),
    annex(MANDATORY, "6-0:1.0.0*255", ANY, &[&EJ1, &EJ1_B, &EW1, &EW1_B], &[]),
    annex(OPTIONAL, "6-0:1.2.0*255", ANY, &[&EJ1_D, &EW1_D], &[]),
    annex(OPTIONAL, "6-0:2.0.0*255", ANY, &[&VM1], &[]),
    annex(OPTIONAL, "6-0:2.2.0*255", ANY, &[&VM1_D], &[]),
    annex(OPTIONAL, "6-0:8.0.0*255", ANY, &[&PJ1, &PW1], &[]),
    annex(OPTIONAL, "6-0:9.0.0*255", ANY, &[&VF1], &[]),
    annex(OPTIONAL, "6-0:10.0.0*255", ANY, &[&TC1], &[]),
    annex(OPTIONAL, "6-0:11.0.0*255", ANY, &[&TC2], &[]),
];

/// Outside the annex.
pub(crate) const OUTSIDE: &[Row] = &[
    outside(
        HIGH,
        "6-0:1.0.e*255",
        INSTANTANEOUS,
        0,
        &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")],
        "openMUC jMBus, TRuDI, SML label lists, solvimus",
    ),
    outside(
        HIGH,
        "6-0:1.2.e*255",
        INSTANTANEOUS,
        1,
        &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")],
        "openMUC jMBus, TRuDI, SML label lists, solvimus",
    ),
    outside(HIGH, "6-0:12.0.0*255", INSTANTANEOUS, 0, &[vib("60-63")], "openMUC jMBus, solvimus"),
    outside(LOW, "6-0:8.5.0*255", MAXIMUM, 0, &[vib("28-2F")], "EN 62056-6-1, by meaning"),
    outside(LOW, "6-0:9.5.0*255", MAXIMUM, 0, &[vib("38-3F")], "EN 62056-6-1, by meaning"),
    outside(LOW, "6-0:3.0.0*255", INSTANTANEOUS, 0, &[vib("18-1F")], "EN 62056-6-1, by meaning"),
    outside(MIDDLE, "6-0:0.1.10*255", INSTANTANEOUS, 1, &[vib("6D")], "solosTec OBIS list, solvimus"),
    past("6-0:1.2.e*255", 2, &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")]),
    past("6-0:2.2.0*255", 2, &[vib("10-17")]),
];
