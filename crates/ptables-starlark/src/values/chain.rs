//! Chains: lists of rules.

use std::fmt;
use std::sync::{Arc, Mutex};

use ptables::origin::Origin;
use ptables::program::{Chain, Families};
use ptables::source::Text;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::none::NoneType;
use starlark::values::{Heap, StarlarkValue, Value, starlark_value};

use super::rule::RuleValue;
use super::{handle, lock};
use crate::context::Context;
use crate::error::{fail, no};
use crate::given::{Given, families, items, text};

handle! {
    /// A chain.
    ChainValue(ChainData)
}

pub(crate) struct ChainData {
    pub(crate) name: String,
    origin: Origin,
    families: Option<Families>,
    /// The policy of a built-in chain.
    policy: Option<Mutex<String>>,
    comment: Mutex<Option<String>>,
    rules: Mutex<Vec<RuleValue>>,
}

impl ChainValue {
    /// A chain of a program, as a handle.
    pub(crate) fn of_program(chain: &Chain) -> ChainValue {
        let rules = chain.iter().cloned().map(RuleValue::of_program).collect();
        let policy = chain.policy().map(|it| it.to_lossy());
        let comment = chain.comment.as_ref().map(|it| it.to_lossy());
        ChainValue(Arc::new(ChainData {
            name: chain.name.to_lossy(),
            origin: chain.origin.clone(),
            families: chain.families,
            policy: policy.map(Mutex::new),
            comment: Mutex::new(comment),
            rules: Mutex::new(rules),
        }))
    }

    /// `BuiltinChain(name, policy, comment, rules, family=None)` and `UserChain(name, comment, rules, family=None)`.
    pub(crate) fn construct<'v>(
        builtin: bool,
        mut given: Given<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<ChainValue> {
        let name = text("name", Some(given.must("name")?))?.unwrap_or_default();
        let policy = if builtin { text("policy", Some(given.must("policy")?))? } else { None };
        let comment = text("comment", given.maybe("comment")?)?;
        let rules =
            given.maybe("rules")?.map(|it| rules_of(it, eval.heap())).transpose()?.unwrap_or_default();
        let families = families(&mut given)?;
        given.end()?;
        Ok(ChainValue(Arc::new(ChainData {
            name,
            origin: Context::of(eval)?.origins.here(eval),
            families,
            policy: policy.map(Mutex::new),
            comment: Mutex::new(comment),
            rules: Mutex::new(rules),
        })))
    }

    /// The chain of the program.
    pub(crate) fn program(&self) -> Chain {
        let ChainData { name, origin, families, policy, comment, rules } = &*self.0;
        let mut chain = match policy {
            Some(policy) => Chain::builtin(name.as_str(), lock(policy).as_str()),
            None => Chain::user(name.as_str()),
        };
        chain.origin = origin.clone();
        chain.families = *families;
        chain.comment = lock(comment).as_deref().map(Text::from);
        for rule in lock(rules).iter() {
            chain.push(rule.program());
        }
        chain
    }

    /// The comment as it is now.
    pub(crate) fn comment(&self) -> Option<String> {
        lock(&self.0.comment).clone()
    }

    /// A place in the list, from the end if negative.
    fn place(&self, index: Value<'_>, len: usize) -> starlark::Result<usize> {
        let Some(index) = index.unpack_i32() else { return fail("a chain is indexed by numbers".to_owned()) };
        let place = if index < 0 { i64::from(index) + len as i64 } else { i64::from(index) };
        match usize::try_from(place) {
            Ok(place) if place < len => Ok(place),
            _ => fail(format!("chain `{}` has {len} rules: there is no rule {index}", self.0.name)),
        }
    }
}

fn rules_of<'v>(value: Value<'v>, heap: Heap<'v>) -> starlark::Result<Vec<RuleValue>> {
    if let Some(chain) = ChainValue::from_value(value) {
        return Ok(lock(&chain.0.rules).clone());
    }
    items("rules", value, heap)?.into_iter().map(RuleValue::of).collect()
}

#[starlark_module]
fn methods(builder: &mut MethodsBuilder) {
    /// Adds a rule at the end.
    fn append<'v>(this: &ChainValue, rule: Value<'v>) -> starlark::Result<NoneType> {
        lock(&this.0.rules).push(RuleValue::of(rule)?);
        Ok(NoneType)
    }

    /// Adds several rules at the end.
    fn extend<'v>(this: &ChainValue, rules: Value<'v>, heap: Heap<'v>) -> starlark::Result<NoneType> {
        let rules = rules_of(rules, heap)?;
        lock(&this.0.rules).extend(rules);
        Ok(NoneType)
    }

    /// Puts a rule at a place: `insert(index, rule)` or `insert(rule, index)`.
    fn insert<'v>(this: &ChainValue, index: Value<'v>, rule: Value<'v>) -> starlark::Result<NoneType> {
        let (index, rule) =
            if RuleValue::from_value(index).is_some() { (rule, index) } else { (index, rule) };
        let rule = RuleValue::of(rule)?;
        let Some(index) = index.unpack_i32() else {
            return fail("a place in a chain is a number".to_owned());
        };
        let mut rules = lock(&this.0.rules);
        let len = rules.len();
        let place = if index < 0 { (i64::from(index) + len as i64).max(0) } else { i64::from(index) };
        rules.insert(usize::try_from(place).unwrap_or(len).min(len), rule);
        Ok(NoneType)
    }

    /// Takes out the rule itself.
    fn remove<'v>(this: &ChainValue, rule: Value<'v>) -> starlark::Result<NoneType> {
        let rule = RuleValue::of(rule)?;
        let mut rules = lock(&this.0.rules);
        match rules.iter().position(|it| Arc::ptr_eq(&it.0, &rule.0)) {
            Some(at) => {
                rules.remove(at);
                Ok(NoneType)
            }
            None => fail(format!("chain `{}` does not hold this rule", this.0.name)),
        }
    }

    /// Takes out a rule by its place, the last one without a place.
    fn pop<'v>(this: &ChainValue, index: Option<Value<'v>>) -> starlark::Result<RuleValue> {
        let mut rules = lock(&this.0.rules);
        let len = rules.len();
        let at = match index {
            Some(index) => this.place(index, len)?,
            None => len.checked_sub(1).ok_or_else(|| no(format!("chain `{}` is empty", this.0.name)))?,
        };
        Ok(rules.remove(at))
    }

    /// The place of a rule.
    fn index<'v>(this: &ChainValue, rule: Value<'v>) -> starlark::Result<i32> {
        let rule = RuleValue::of(rule)?;
        let place = lock(&this.0.rules).iter().position(|it| Arc::ptr_eq(&it.0, &rule.0));
        let place = place.and_then(|it| i32::try_from(it).ok());
        place.ok_or_else(|| no(format!("chain `{}` does not hold this rule", this.0.name)))
    }

    /// Takes out all rules.
    fn clear(this: &ChainValue) -> starlark::Result<NoneType> {
        lock(&this.0.rules).clear();
        Ok(NoneType)
    }

    /// Turns the order round.
    fn reverse(this: &ChainValue) -> starlark::Result<NoneType> {
        lock(&this.0.rules).reverse();
        Ok(NoneType)
    }
}

starlark::methods_static!(METHODS = methods);

impl fmt::Display for ChainValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Chain: {}, {} rules>", self.0.name, lock(&self.0.rules).len())
    }
}

#[starlark_value(type = "Chain")]
impl<'v> StarlarkValue<'v> for ChainValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match attribute {
            "name" => Some(heap.alloc(self.0.name.as_str())),
            "policy" => self.0.policy.as_ref().map(|it| heap.alloc(lock(it).as_str())),
            "comment" => {
                Some(lock(&self.0.comment).as_deref().map_or(Value::new_none(), |it| heap.alloc(it)))
            }
            _ => None,
        }
    }

    fn set_attr(&self, attribute: &str, value: Value<'v>) -> starlark::Result<()> {
        match (attribute, &self.0.policy) {
            ("policy", Some(policy)) => {
                *lock(policy) = text("policy", Some(value))?.unwrap_or_default();
                Ok(())
            }
            ("policy", None) => fail(format!("chain `{}` is a user's: it has no policy", self.0.name)),
            ("comment", _) => {
                *lock(&self.0.comment) = text("comment", Some(value))?;
                Ok(())
            }
            _ => fail(format!(
                "a chain has no attribute `{attribute}` to set: there are `policy` and `comment`"
            )),
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        ["name", "policy", "comment"].map(str::to_owned).to_vec()
    }

    fn length(&self) -> starlark::Result<i32> {
        Ok(i32::try_from(lock(&self.0.rules).len()).unwrap_or(i32::MAX))
    }

    fn to_bool(&self) -> bool {
        !lock(&self.0.rules).is_empty()
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let rules = lock(&self.0.rules);
        let place = self.place(index, rules.len())?;
        Ok(rules.get(place).map_or(Value::new_none(), |it| heap.alloc(it.clone())))
    }

    fn set_at(&self, index: Value<'v>, value: Value<'v>) -> starlark::Result<()> {
        let rule = RuleValue::of(value)?;
        let mut rules = lock(&self.0.rules);
        let place = self.place(index, rules.len())?;
        if let Some(old) = rules.get_mut(place) {
            *old = rule;
        }
        Ok(())
    }

    fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(lock(&self.0.rules).iter().map(|it| heap.alloc(it.clone())).collect())
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        let rule = RuleValue::from_value(other);
        Ok(rule.is_some_and(|rule| lock(&self.0.rules).iter().any(|it| Arc::ptr_eq(&it.0, &rule.0))))
    }

    /// `chain += rules`: Starlark tells it from `chain + rules` in no way, so both add to the chain.
    fn add(&self, rhs: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(rules_of(rhs, heap).map(|rules| {
            lock(&self.0.rules).extend(rules);
            heap.alloc(self.clone())
        }))
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(ChainValue::from_value(other).is_some_and(|other| Arc::ptr_eq(&self.0, &other.0)))
    }
}
