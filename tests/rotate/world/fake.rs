//! The vendor's interface, as a rotation sees it.

use super::*;

pub(super) struct Fake(pub(super) Shared);

impl Adapter for Fake {
    fn abilities(&self) -> Abilities {
        let manner = self.0.get().manner;
        Abilities {
            level: manner.level,
            validate: true,
            create: true,
            create_needs_admin: false,
            revoke: manner.level != Level::NoOverlap,
            revoke_needs_admin: false,
            list: manner.list,
            most_keys: manner.most_keys,
            propagation_s: manner.propagation_s,
        }
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        Box::pin(async move {
            let value = text(&ask.key);
            let told = self.0.request(Operation::Validate, |world| {
                let spread = i64::from(world.manner.propagation_s) * 500;
                let key = world.keys.iter().find(|key| key.value == value);
                let Some(key) = key else { return Ok(Validity::Dead("unknown".into())) };
                let settled = world.now_ms >= key.since_ms + spread;
                Ok(match key.live == settled || key.since_ms == 0 && key.live {
                    true => {
                        Validity::Live(Owner { key_id: Some(key.id.clone()), ..Owner::default() })
                    }
                    false => Validity::Dead("refused".into()),
                })
            });
            match told.await {
                // What an adapter makes of a 401 about the key itself.
                Err(error) if error.kind == Kind::Unauthorized => Ok(Validity::Dead("401".into())),
                other => other,
            }
        })
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        Box::pin(async move {
            let (old, label) = (text(&ask.key), ask.label.clone());
            self.0
                .request(Operation::Create, |world| {
                    let count = world.keys.len() + 1;
                    let full =
                        world.manner.most_keys.is_some_and(|most| world.live() >= most as usize);
                    if full {
                        let fault = fault("quota", Kind::Conflict, Some(409), false);
                        return Err(world.error(Operation::Create, &fault));
                    }
                    let (value, id) = (format!("value-{count}"), format!("key_{count}"));
                    let since_ms = world.now_ms;
                    if world.manner.level == Level::NoOverlap {
                        assert!(ask.no_overlap_allowed, "replaced without leave");
                        for key in world.keys.iter_mut().filter(|key| key.value == old) {
                            (key.live, key.since_ms) = (false, since_ms);
                        }
                    }
                    let key = VendorKey {
                        id: id.clone(),
                        name: label,
                        value: value.clone(),
                        live: true,
                        since_ms,
                    };
                    world.keys.push(key);
                    let key_id = Some(id).filter(|_| world.manner.tells_ids);
                    Ok(Created { fields: one(&value), key_id, expires_ms: None })
                })
                .await
        })
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        Box::pin(async move {
            let value = if ask.key.is_empty() { String::new() } else { text(&ask.key) };
            self.0
                .request(Operation::Revoke, |world| {
                    let now = world.now_ms;
                    for key in world.keys.iter_mut().filter(|key| {
                        key.value == value
                            || value.is_empty() && Some(&key.id) == ask.key_id.as_ref()
                    }) {
                        if key.live {
                            (key.live, key.since_ms) = (false, now);
                        }
                    }
                    Ok(Revoked::Done)
                })
                .await
        })
    }

    fn list<'a>(&'a self, _ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        Box::pin(async move {
            self.0
                .request(Operation::List, |world| {
                    let listed = |key: &VendorKey| Listed {
                        key_id: key.id.clone(),
                        name: Some(key.name.clone()),
                        created_ms: None,
                        active: key.live,
                        hint: None,
                    };
                    Ok(world.keys.iter().map(listed).collect())
                })
                .await
        })
    }

    fn plan(&self, _operation: Operation, _ask: &Ask) -> Vec<String> {
        Vec::new()
    }
}
