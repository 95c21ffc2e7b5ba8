//! Cooling, medium 5, and the cooling registers of a combined heat and cooling meter (VIFE 3C, or the deprecated tariff 1).

use super::{ANY, HIGH, LOW, MANDATORY, MIDDLE, OPTIONAL, Row, annex, outside, past, vib};
use crate::tag::{
    DP1, DP2, DT1, DT2, DT2_D, EJ1, EJ1_B, EJ1_D, EJ1_DT, EJ1_T, EJ2, EJ2_B, EJ2_D, EW1, EW1_B, EW1_D,
    EW1_DT, EW1_T, EW2, EW2_B, EW2_D, INSTANTANEOUS, MAXIMUM, PJ1, PJ1_T, PW1, PW1_T, TC1, TC2, VF1, VF1_T,
    VM1, VM1_D, VM1_DT, VM1_T,
};

/// Annex A.3, the rows of this medium.
pub(crate) const ANNEX: &[Row] = &[
    annex(OPTIONAL, "5-0:0.1.10*255", ANY, &[&DT2_D], &[]),
    annex(OPTIONAL, "5-0:0.8.5*255", ANY, &[&DP2], &[]),
    annex(OPTIONAL, "5-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "5-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(OPTIONAL, "5-0:0.9.3*255", ANY, &[&DP1], &[]),
    annex(MANDATORY, "5-0:1.0.0*255", ANY, &[&EJ1, &EJ1_B, &EW1, &EW1_B], &[]),
    annex(OPTIONAL, "5-0:1.2.0*255", ANY, &[&EJ1_D, &EW1_D], &[]),
    annex(OPTIONAL, "5-0:2.0.0*255", ANY, &[&VM1], &[]),
    annex(OPTIONAL, "5-0:2.2.0*255", ANY, &[&VM1_D], &[]),
    annex(OPTIONAL, "5-0:8.0.0*255", ANY, &[&PJ1, &PW1], &[]),
    annex(OPTIONAL, "5-0:9.0.0*255", ANY, &[&VF1], &[]),
    annex(OPTIONAL, "5-0:10.0.0*255", ANY, &[&TC1], &[]),
    annex(OPTIONAL, "5-0:11.0.0*255", ANY, &[&TC2], &[]),
];

/// Annex A.3, combined heat and cooling meter, section cooling.
pub(crate) const COMBINED_ANNEX: &[Row] = &[
    annex(MANDATORY, "5-0:1.0.0*255", ANY, &[&EJ1_T, &EJ2, &EJ2_B, &EW1_T, &EW2, &EW2_B], &[]),
    annex(OPTIONAL, "5-0:1.2.0*255", ANY, &[&EJ1_DT, &EJ2_D, &EW1_DT, &EW2_D], &[]),
    annex(OPTIONAL, "5-0:2.0.0*255", ANY, &[&VM1_T], &[]),
    annex(OPTIONAL, "5-0:2.2.0*255", ANY, &[&VM1_DT], &[]),
    annex(OPTIONAL, "5-0:8.0.0*255", ANY, &[&PJ1_T, &PW1_T], &[]),
    annex(OPTIONAL, "5-0:9.0.0*255", ANY, &[&VF1_T], &[]),
];

/// Outside the annex.
pub(crate) const OUTSIDE: &[Row] = &[
    outside(
        HIGH,
        "5-0:1.0.e*255",
        INSTANTANEOUS,
        0,
        &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")],
        "TRuDI, SML label lists, solosTec smf",
    ),
    outside(
        HIGH,
        "5-0:1.2.e*255",
        INSTANTANEOUS,
        1,
        &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")],
        "TRuDI, SML label lists, solosTec smf",
    ),
    outside(HIGH, "5-0:12.0.0*255", INSTANTANEOUS, 0, &[vib("60-63")], "openMUC jMBus, solvimus"),
    outside(LOW, "5-0:8.5.0*255", MAXIMUM, 0, &[vib("28-2F")], "EN 62056-6-1, by meaning"),
    outside(LOW, "5-0:9.5.0*255", MAXIMUM, 0, &[vib("38-3F")], "EN 62056-6-1, by meaning"),
    outside(LOW, "5-0:3.0.0*255", INSTANTANEOUS, 0, &[vib("18-1F")], "EN 62056-6-1, by meaning"),
    outside(MIDDLE, "5-0:0.1.10*255", INSTANTANEOUS, 1, &[vib("6D")], "solosTec OBIS list, solvimus"),
    past("5-0:1.2.e*255", 2, &[vib("00-07"), vib("08-0F"), vib("FB 00-01"), vib("FB 08-09")]),
    past("5-0:2.2.0*255", 2, &[vib("10-17")]),
];

/// Outside the annex.
pub(crate) const COMBINED_OUTSIDE: &[Row] =
    &[past("5-0:1.2.0*255", 2, &[vib("80-87 3C"), vib("88-8F 3C"), vib("FB 80-81 3C"), vib("FB 88-89 3C")])];
