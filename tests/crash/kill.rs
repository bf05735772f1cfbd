//! Starting a command and killing it with SIGKILL, either after a delay or the moment that it
//! acknowledges its change.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::random::Random;
use super::sandbox::median;

/// When the kill comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    After(Duration),
    /// The line that acknowledges begins like this.
    OnLine(&'static str),
}

/// How a killed command was caught.
#[derive(Debug)]
pub(crate) struct Killed {
    /// All of its stderr.
    pub(crate) said: String,
    /// True where it ended by itself, in success, before the kill.
    pub(crate) finished: bool,
    /// From the start to the kill.
    pub(crate) lived: Duration,
}

impl Killed {
    /// The rest of the whole line that begins like this. Half a line acknowledges nothing.
    pub(crate) fn line(&self, begin: &str) -> Option<&str> {
        let whole = self.said.rsplit_once('\n')?.0;
        whole.lines().find_map(|line| line.strip_prefix(begin))
    }
}

/// Runs the command until it is killed or ends; anything but these two is a failure.
pub(crate) fn kill_at(mut command: Command, input: &[u8], moment: Moment) -> Killed {
    let start = Instant::now();
    let mut child = spawn(&mut command, input);
    let mut stderr = child.stderr.take().expect("stderr is a pipe");
    let mut said = Vec::new();
    match moment {
        Moment::After(delay) => sleep(delay),
        Moment::OnLine(begin) => read_until(&mut stderr, begin, &mut said),
    }
    child.kill().expect("the kill is sent");
    let lived = start.elapsed();
    let status = child.wait().expect("the child is waited for");
    stderr.read_to_end(&mut said).expect("stderr is read");
    let said = String::from_utf8_lossy(&said).into_owned();
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert!(status.success() || by_signal == Some(9), "{moment:?}: {status}: {said}");
    Killed { said, finished: status.success(), lived }
}

/// How long the command needs to its acknowledgement: the middle one of the last few times. It is
/// measured all along, because a machine that others use is not equally fast all the time.
pub(crate) struct Pace {
    line: &'static str,
    times: VecDeque<Duration>,
}

impl Pace {
    const REMEMBERED: usize = 5;

    /// Times the command a few times. `line` begins its acknowledgement.
    pub(crate) fn measure(line: &'static str, mut run: impl FnMut()) -> Self {
        let time = |_| {
            let start = Instant::now();
            run();
            start.elapsed()
        };
        Self { line, times: (0..Self::REMEMBERED).map(time).collect() }
    }

    /// Three of four kills are spread over the time to the acknowledgement and a quarter beyond;
    /// one of four comes with the acknowledgement.
    pub(crate) fn moment(&self, trial: usize, random: &mut Random) -> Moment {
        if trial.is_multiple_of(4) {
            return Moment::OnLine(self.line);
        }
        let span = u64::try_from(self.usual().as_micros()).expect("microseconds") * 5 / 4;
        Moment::After(Duration::from_micros(random.below(span.max(1))))
    }

    /// Learns from a trial that was killed on the acknowledgement.
    pub(crate) fn learn(&mut self, moment: Moment, killed: &Killed) {
        if matches!(moment, Moment::OnLine(_)) {
            self.times.pop_front();
            self.times.push_back(killed.lived);
        }
    }

    fn usual(&self) -> Duration {
        median(self.times.iter().copied().collect())
    }
}

/// Counts of where the kills landed.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    pub(crate) unacknowledged_absent: usize,
    pub(crate) unacknowledged_present: usize,
    pub(crate) acknowledged: usize,
    pub(crate) finished: usize,
}

impl Histogram {
    /// Counts one trial; `present` says whether the change was found afterwards.
    pub(crate) fn count(&mut self, killed: &Killed, acknowledged: bool, present: bool) {
        let slot = match (killed.finished, acknowledged, present) {
            (true, ..) => &mut self.finished,
            (_, true, _) => &mut self.acknowledged,
            (_, _, true) => &mut self.unacknowledged_present,
            (_, _, false) => &mut self.unacknowledged_absent,
        };
        *slot += 1;
    }

    /// Prints the counts; a campaign whose kills all fell on one side would have tested nothing.
    pub(crate) fn check(&self, name: &str, trials: usize, pace: &Pace, start: Instant) {
        println!(
            "{name}: {trials} kills over {} ms: {} before the acknowledgement (change absent), \
             {} before it (change present), {} after it, {} finished first; {:.1} s",
            pace.usual().as_millis(),
            self.unacknowledged_absent,
            self.unacknowledged_present,
            self.acknowledged,
            self.finished,
            start.elapsed().as_secs_f64()
        );
        assert!(self.unacknowledged_absent >= trials / 10, "too few kills before the commit");
        let after = self.acknowledged + self.finished;
        assert!(after >= trials / 10, "too few kills after the acknowledgement");
    }
}

fn spawn(command: &mut Command, input: &[u8]) -> Child {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    child.stdin.take().expect("stdin is a pipe").write_all(input).expect("the pipe holds it");
    child
}

/// Reads until a whole line begins as asked, or the end.
fn read_until(from: &mut impl Read, begin: &str, said: &mut Vec<u8>) {
    let mut part = [0; 256];
    loop {
        let length = from.read(&mut part).expect("stderr is read");
        said.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(said);
        let mut whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        if length == 0 || whole.any(|line| line.starts_with(begin)) {
            return;
        }
    }
}
