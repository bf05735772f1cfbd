//! Steps in the life of a secret's keys.

use clawvault_core::domain::{Life, Stage, Value};
use clawvault_core::vault::{Step, VersionChange, codec};
use clawvault_proto::FrameError;
use clawvault_proto::convert::{self, Revealing};
use clawvault_proto::messages as m;

use super::check;

pub(super) fn step_message(step: Step, body: &mut Vec<Value>) -> Result<m::Step, FrameError> {
    let life = life_bytes(&step.life)?;
    let (mut fields, mut stages) = (Vec::new(), Vec::new());
    match step.change {
        VersionChange::None => {}
        VersionChange::Pending(all) => {
            for (name, value) in all {
                let bytes = check(u32::try_from(value.len()))?;
                fields.push(m::Field { name: name.to_string(), bytes });
                body.push(value);
            }
        }
        VersionChange::Stages(all) => {
            let staged = |(version, stage): (u32, Stage)| m::Staged {
                version,
                stage: stage.as_str().to_owned(),
            };
            stages.extend(all.into_iter().map(staged));
        }
    }
    Ok(m::Step { life, fields, stages })
}

pub(super) fn step_of(step: m::Step, values: &mut Revealing<'_>) -> Result<Step, FrameError> {
    let life = life_of(&step.life)?;
    let staged = |one: m::Staged| Ok((one.version, convert::stage(&one.stage)?));
    let change = match (step.fields.is_empty(), step.stages.is_empty()) {
        (true, true) => VersionChange::None,
        (false, true) => VersionChange::Pending(values.fields(step.fields)?),
        (true, false) => {
            let stages: Result<Vec<_>, FrameError> = step.stages.into_iter().map(staged).collect();
            VersionChange::Stages(stages?)
        }
        (false, false) => return Err(FrameError::Malformed),
    };
    Ok(Step { life, change })
}

/// The record of a life, as the vault keeps it.
pub(super) fn life_bytes(life: &Life) -> Result<Vec<u8>, FrameError> {
    check(codec::encode(life).map(|plain| plain.to_vec()))
}

pub(super) fn life_of(bytes: &[u8]) -> Result<Life, FrameError> {
    check(codec::decode(bytes))
}
