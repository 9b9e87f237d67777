//! Finds the rule that the kernel refused when the tool names only the `COMMIT`.

use ptables::dialect::{Backend, Family};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::netns::Scratch;
use crate::restore::lines::{Block, blocks};
use crate::restore::{RestoreError, RestoreOptions, Stage};

/// What a search for the refused rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Located {
    /// The table is accepted with everything before this line, and refused with this line. Of rules that are refused
    /// only together (a loop between chains) it is the one that completes them.
    #[non_exhaustive]
    Line {
        /// The line of the text, from 1.
        line: u32,
    },
    /// The table is refused even without any rule.
    #[non_exhaustive]
    Declarations {
        /// What the tool said.
        message: String,
    },
    /// A scratch namespace does not refuse the table at its `COMMIT`: the cause is in the state of the target.
    #[non_exhaustive]
    NotReproduced {
        /// What the tool said there, empty if it accepted the table.
        message: String,
    },
}

impl Kernel {
    /// Finds the line at which the kernel refuses a table, by halving, in a scratch namespace.
    ///
    /// The target namespace is only read: the names and types of its ipsets and, with
    /// [`noflush`](RestoreOptions::noflush), its rules are copied, because the text may rest on them. At most
    /// 3 + log2(rules) runs of the tool, each within [`Kernel::deadline`] (twice as many with `noflush`).
    ///
    /// An error that names a line of its own is answered from what it says, without a search.
    ///
    /// # Errors
    ///
    /// [`Error::Namespace`] if no scratch namespace can be made; the errors of a run.
    pub fn locate_commit_failure(
        &self,
        text: &[u8],
        error: &RestoreError,
        options: RestoreOptions,
    ) -> Result<Located, Error> {
        let not_reproduced = || Located::NotReproduced { message: error.reason().to_owned() };
        let Some(line) = error.line() else { return Ok(not_reproduced()) };
        let Some(block) = blocks(text).into_iter().find(|block| block.commit == line) else {
            return Ok(Located::Line { line });
        };
        let scratch = Scratch::like(self)?;
        self.copy_sets(text, &scratch)?;
        let seed = match options.noflush {
            true => Some(self.save(error.family(), error.backend(), false)?.text),
            false => None,
        };
        let bench = Bench {
            kernel: scratch.kernel(),
            family: error.family(),
            backend: error.backend(),
            options,
            seed: seed.unwrap_or_default(),
            table: Table::new(text, block),
        };
        bench.search()
    }

    /// Makes the ipsets of the namespace, without their elements, in a scratch namespace.
    pub(crate) fn copy_sets(&self, text: &[u8], scratch: &Scratch) -> Result<(), Error> {
        if !text.windows(4).any(|window| window == b"-set") {
            return Ok(());
        }
        let saved = match self.run_program("ipset", &["save"], b"") {
            Err(Error::ToolMissing { .. }) => return Ok(()),
            saved => saved?.stdout,
        };
        let lines = saved.split_inclusive(|byte| *byte == b'\n');
        let sets: Vec<u8> = lines.filter(|line| line.starts_with(b"create ")).flatten().copied().collect();
        scratch.kernel().run_program("ipset", &["restore"], &sets)?;
        Ok(())
    }
}

/// One table of a text, which can be cut after any number of rules.
struct Table<'a> {
    text: &'a [u8],
    block: Block<'a>,
    /// The lines that can be left out.
    rules: Vec<u32>,
}

/// Where cuts of the table are tried.
struct Bench<'a> {
    kernel: &'a Kernel,
    family: Family,
    backend: Backend,
    options: RestoreOptions,
    /// What the target held, to begin each trial with.
    seed: Vec<u8>,
    table: Table<'a>,
}

impl Bench<'_> {
    fn search(&self) -> Result<Located, Error> {
        let count = self.table.rules.len();
        match self.refuses(count)? {
            Some(refusal) if refusal.table().is_some() => {}
            refusal => {
                let message = refusal.map(|refusal| refusal.message().to_owned()).unwrap_or_default();
                return Ok(Located::NotReproduced { message });
            }
        }
        if let Some(refusal) = self.refuses(0)? {
            return Ok(Located::Declarations { message: refusal.message().to_owned() });
        }
        // INVARIANT: the first `accepted` rules are accepted, the first `refused` are not.
        let (mut accepted, mut refused) = (0, count);
        while refused - accepted > 1 {
            let middle = accepted + (refused - accepted) / 2;
            match self.refuses(middle)? {
                Some(_) => refused = middle,
                None => accepted = middle,
            }
        }
        let line = self.table.rules.get(accepted).copied().unwrap_or(self.table.block.commit);
        Ok(Located::Line { line })
    }

    /// Why the first `count` rules are refused, or `None` if they are not.
    fn refuses(&self, count: usize) -> Result<Option<RestoreError>, Error> {
        if !self.seed.is_empty() {
            let flush = RestoreOptions { noflush: false, ..self.options };
            if let Err(error) = self.attempt(&self.seed, flush) {
                return error.into_run_error().map(Some);
            }
        }
        match self.attempt(&self.table.cut_after(count), self.options) {
            Ok(()) => Ok(None),
            Err(error) => error.into_run_error().map(Some),
        }
    }

    fn attempt(&self, text: &[u8], options: RestoreOptions) -> Result<(), RestoreError> {
        self.kernel.attempt(self.family, self.backend, Stage::Commit, text, options).map(|_| ())
    }
}

impl<'a> Table<'a> {
    fn new(text: &'a [u8], block: Block<'a>) -> Table<'a> {
        let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
        let inside = lines.skip_while(|(number, _)| *number <= block.first);
        let inside = inside.take_while(|(number, _)| *number < block.commit);
        let rules = inside.filter(|(_, line)| is_rule(line)).map(|(number, _)| number).collect();
        Table { text, block, rules }
    }

    /// The text with only this table and its first `count` rules. Other lines become empty, so that lines keep their
    /// numbers.
    fn cut_after(&self, count: usize) -> Vec<u8> {
        let end = self.rules.get(count).copied().unwrap_or(self.block.commit);
        let mut cut = Vec::with_capacity(self.text.len());
        for (number, line) in (1..).zip(self.text.split(|byte| *byte == b'\n')) {
            if number > self.block.commit {
                break;
            }
            if number >= self.block.first && (number < end || !is_rule(line)) {
                cut.extend_from_slice(line);
            }
            cut.push(b'\n');
        }
        cut
    }
}

/// Whether a line is a command that can be left out, and not `:chain`, `-N chain`, a comment or nothing. What is not
/// a command stays, as do `*table` and `COMMIT`.
fn is_rule(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    matches!(line, [b'-' | b'[', ..]) && !line.starts_with(b"-N ") && !line.starts_with(b"--new")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_are_left_out() {
        let rules: [&[u8]; 4] = [b"-A a", b"  -A a", b"[1:2] -A a", b"-X a"];
        assert!(rules.into_iter().all(is_rule));
        let others: [&[u8]; 7] = [b"", b"# -A", b":a -", b"*nat", b"COMMIT", b"-N a", b"--new-chain a"];
        assert!(!others.into_iter().any(is_rule));
    }

    #[test]
    fn a_cut_keeps_declarations_and_line_numbers() {
        let text =
            b"*nat\nCOMMIT\n*filter\n-A INPUT -j a\n:a -\n# c\n[1:2] -A a\n-N b\nCOMMIT\n*raw\nCOMMIT\n";
        let block = blocks(text)[1];
        let table = Table::new(text, block);
        assert_eq!(table.rules, [4, 7]);
        assert_eq!(table.cut_after(0), b"\n\n*filter\n\n:a -\n# c\n\n-N b\nCOMMIT\n");
        assert_eq!(table.cut_after(1), b"\n\n*filter\n-A INPUT -j a\n:a -\n# c\n\n-N b\nCOMMIT\n");
        assert_eq!(table.cut_after(2), b"\n\n*filter\n-A INPUT -j a\n:a -\n# c\n[1:2] -A a\n-N b\nCOMMIT\n");
    }
}
