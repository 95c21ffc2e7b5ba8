//! Cold water, medium 8, and warm or hot water, medium 9.

use super::{ANY, HIGH, LOW, MANDATORY, MIDDLE, OPTIONAL, Row, annex, outside, past, vib};
use crate::tag::{DP1, DP2, DT1, DT2, DT2_D, INSTANTANEOUS, MAXIMUM, MINIMUM, VF1, VM1, VM1_B, VM1_D};

/// Annex A.3, medium 8.
pub(crate) const COLD_ANNEX: &[Row] = &[
    annex(OPTIONAL, "8-0:0.1.10*255", ANY, &[&DT2_D], &[]),
    annex(OPTIONAL, "8-0:0.8.6*255", ANY, &[&DP2], &[]),
    annex(OPTIONAL, "8-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "8-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(OPTIONAL, "8-0:0.9.3*255", ANY, &[&DP1], &[]),
    annex(MANDATORY, "8-0:1.0.0*255", ANY, &[&VM1, &VM1_B], &[]),
    annex(OPTIONAL, "8-0:1.2.0*255", ANY, &[&VM1_D], &[]),
    annex(OPTIONAL, "8-0:2.0.0*255", ANY, &[&VF1], &[]),
];

/// Annex A.3, medium 9.
pub(crate) const HOT_ANNEX: &[Row] = &[
    annex(OPTIONAL, "9-0:0.1.10*255", ANY, &[&DT2_D], &[]),
    annex(OPTIONAL, "9-0:0.8.6*255", ANY, &[&DP2], &[]),
    annex(OPTIONAL, "9-0:0.9.1*255", ANY, &[&DT1], &[]),
    annex(OPTIONAL, "9-0:0.9.2*255", ANY, &[&DT2], &[&DT1]),
    annex(OPTIONAL, "9-0:0.9.3*255", ANY, &[&DP1], &[]),
    annex(MANDATORY, "9-0:1.0.0*255", ANY, &[&VM1, &VM1_B], &[]),
    annex(OPTIONAL, "9-0:1.2.0*255", ANY, &[&VM1_D], &[]),
    annex(OPTIONAL, "9-0:2.0.0*255", ANY, &[&VF1], &[]),
];

/// Outside the annex, medium 8.
pub(crate) const COLD_OUTSIDE: &[Row] = &[
    outside(HIGH, "8-0:1.0.e*255", INSTANTANEOUS, 0, &[vib("10-17")], "openMUC jMBus, TRuDI, KBR"),
    outside(HIGH, "8-0:1.2.e*255", INSTANTANEOUS, 1, &[vib("10-17")], "openMUC jMBus, TRuDI, KBR"),
    outside(MIDDLE, "8-0:3.0.0*255", INSTANTANEOUS, 0, &[vib("58-5B")], "KBR after EN 13757-1:2015"),
    outside(LOW, "8-0:2.5.0*255", MAXIMUM, 0, &[vib("38-3F")], "KBR after EN 13757-1:2015"),
    outside(LOW, "8-0:2.4.0*255", MINIMUM, 0, &[vib("38-3F")], "KBR after EN 13757-1:2015"),
    outside(MIDDLE, "8-0:0.1.10*255", INSTANTANEOUS, 1, &[vib("6D")], "solosTec OBIS list, solvimus"),
    past("8-0:1.2.e*255", 2, &[vib("10-17")]),
];

/// Outside the annex, medium 9.
pub(crate) const HOT_OUTSIDE: &[Row] = &[
    outside(HIGH, "9-0:1.0.e*255", INSTANTANEOUS, 0, &[vib("10-17")], "openMUC jMBus, TRuDI, KBR"),
    outside(HIGH, "9-0:1.2.e*255", INSTANTANEOUS, 1, &[vib("10-17")], "openMUC jMBus, TRuDI, KBR"),
    outside(MIDDLE, "9-0:3.0.0*255", INSTANTANEOUS, 0, &[vib("58-5B")], "KBR after EN 13757-1:2015"),
    outside(LOW, "9-0:2.5.0*255", MAXIMUM, 0, &[vib("38-3F")], "KBR after EN 13757-1:2015"),
    outside(LOW, "9-0:2.4.0*255", MINIMUM, 0, &[vib("38-3F")], "KBR after EN 13757-1:2015"),
    outside(MIDDLE, "9-0:0.1.10*255", INSTANTANEOUS, 1, &[vib("6D")], "solosTec OBIS list, solvimus"),
    past("9-0:1.2.e*255", 2, &[vib("10-17")]),
];
