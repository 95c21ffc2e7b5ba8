//! Things of the device itself, medium 0: asked for every device, behind its own medium.

use super::{ANY, HIGH, LOW, MANDATORY, MIDDLE, OPTIONAL, Row, annex, outside, vib};
use crate::tag::{DC1, ID1, ID4, ID5, INSTANTANEOUS};

/// Annex A.3, generic rows.
pub(crate) const ANNEX: &[Row] = &[
    annex(MANDATORY, "0-0:0.9.1*255", ANY, &[], &[]),
    annex(MANDATORY, "0-0:0.9.2*255", ANY, &[], &[]),
    annex(OPTIONAL, "0-0:96.1.0*255", ANY, &[&ID1], &[]),
    annex(MANDATORY, "0-0:96.1.1*255", ANY, &[], &[]),
    annex(MANDATORY, "0-0:96.1.2*255", ANY, &[], &[]),
    annex(OPTIONAL, "0-0:96.1.9*255", ANY, &[&ID4], &[]),
    annex(OPTIONAL, "0-0:96.1.10*255", ANY, &[&ID5], &[]),
    annex(MANDATORY, "0-0:97.97.0*255", ANY, &[], &[]),
    annex(MANDATORY, "0-0:96.3.19*255", ANY, &[&DC1], &[]),
];

/// Outside the annex.
pub(crate) const OUTSIDE: &[Row] = &[
    outside(LOW, "0-0:96.1.0*255", INSTANTANEOUS, 0, &[vib("79")], "solosTec smf"),
    outside(HIGH, "0-0:97.97.0*255", INSTANTANEOUS, 0, &[vib("FD 17")], "solosTec OBIS list, solvimus"),
    outside(LOW, "0-0:96.6.6*255", INSTANTANEOUS, 0, &[vib("FD 74-77")], "EN 62056-6-1, by meaning"),
    outside(
        MIDDLE,
        "0-0:96.8.0*255",
        INSTANTANEOUS,
        0,
        &[vib("24-27")],
        "solvimus; EN 62056-6-1, by meaning",
    ),
    outside(MIDDLE, "0-0:0.2.0*255", INSTANTANEOUS, 0, &[vib("FD 0E")], "solosTec OBIS list, Gurux list"),
];
