//! What a connection hears of gateways.

use std::time::Duration;

use clawvault_core::platform::service::unit_led_by;
use clawvault_core::vault::Who;
use clawvault_proto::messages::{End, Reply, reply::Last};

use super::{Caller, Line, Over};
use crate::app::session::{Authority, GatewayAsk, Request};
use crate::app::{AppError, Code};
use crate::daemon::authority::Standing;
use crate::daemon::gateways::START;

impl Line<'_> {
    /// Hears of a gateway: from an operator, or from the process that a unit begins with.
    pub(super) async fn gateway(
        &mut self,
        caller: &Caller<'_>,
        standing: Standing,
        who: Who,
        ask: GatewayAsk,
    ) -> Result<(), Over> {
        let process = caller.peer.process;
        let leads = || unit_led_by(process).filter(|_| caller.peer.is_there());
        let authority = match (&standing, &ask) {
            (Standing::Operator(_), _) => Authority::Operator,
            (Standing::Run(grant), _) => Authority::Run(grant.clone()),
            (Standing::Agent(_) | Standing::Bystander(_), GatewayAsk::Start(..)) => {
                Authority::Unit(leads().unwrap_or_default())
            }
            (Standing::Agent(_) | Standing::Bystander(_), _) => Authority::Unit(String::new()),
        };
        if matches!(ask, GatewayAsk::Start(..)) && !self.shared.can_launch(process) {
            let what = "the daemon cannot remember one more running program";
            return self.fail(&AppError::new(Code::Failed, what, "End some."), false).await;
        }
        let request = Request::Gateway(ask.clone());
        let answer = self.shared.perform(who, authority, request).await;
        let agent = match (answer.outcome, answer.agent) {
            (Ok(_), Some(agent)) => agent,
            (Err(error), _) => {
                let prove = matches!(standing, Standing::Bystander(_)) && self.shared.is_unlocked();
                return self.fail(&error, prove).await;
            }
            (Ok(_), None) => return Err(Over::Gone),
        };
        let answered = match ask {
            GatewayAsk::Start(_, run) => {
                // What it starts has nothing of its own: only the gateway's resolver is answered.
                let named = Some(agent.to_string());
                self.shared.launched(process, (run, named), Vec::new());
                self.shared.gateways(|all| all.open(process, agent, START));
                false
            }
            GatewayAsk::Window(_, gateway, 0) => self.shared.gateways(|all| all.close(gateway)),
            GatewayAsk::Window(_, gateway, seconds) => {
                let length = Duration::from_secs(seconds.into());
                self.shared.gateways(|all| all.open(gateway, agent, length));
                false
            }
        };
        let end = End { answered, ..End::default() };
        self.say(Reply { last: Some(Last::End(end)), ..Reply::default() }).await
    }
}
