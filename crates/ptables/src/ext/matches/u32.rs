//! `-m u32`.

use crate::ext::*;
use crate::meaning::Pred;
use crate::value::is::Is;
use crate::value::u32_test::{self, U32Test};

// boxed: a list of tests.
/// Matches by any bytes of the packet, four at a time, as numbers in network byte order.
///
/// A test is `OFFSET [OPERATOR NUMBER]… = RANGE[,RANGE]…`; tests are joined by `&&` and must all hold. Operators are `&`,
/// `<<`, `>>` and `@`, which makes the number an offset. A range is `7` or `3:9`. At most ten tests, ten numbers before
/// `=`, ten ranges behind it.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_u32.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct U32 {
    /// One to ten tests, all of which must hold, or (inverted) not all.
    pub tests: Is<Vec<U32Test>>,
}

impl U32 {
    /// All of these hold.
    pub fn new(tests: impl IntoIterator<Item = U32Test>) -> U32 {
        U32 { tests: Is::from(tests.into_iter().collect::<Vec<_>>()) }
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> U32 {
        self.tests.inverted = !self.tests.inverted;
        self
    }
}

impl Extension for U32 {
    const SPEC: Spec = Spec {
        name: "u32",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("u32", "TESTS", "Tests such as `6&0xff=1`.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> U32 {
        U32::new([])
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.tests = arg.is(u32_test::parse)?;
        let mut ranges = self.tests.value.iter().flat_map(|test| &test.ranges);
        if ranges.any(|(low, high)| low > high) {
            arg.changed("a range of `--u32` begins after its end: it never matches");
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.tests.inverted).flag("u32").with(|out| {
            out.push(b'"');
            u32_test::push(out, &self.tests.value);
            out.push(b'"');
        });
    }
}

impl MatchExtension for U32 {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Numbers(self.tests.value.clone()).inverted(self.tests.inverted)
    }
}
