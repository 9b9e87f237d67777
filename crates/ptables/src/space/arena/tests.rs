//! Sets beside truth tables.

use std::collections::HashMap;

use super::*;

fn var(arena: &mut Arena, var: u32) -> Set {
    arena.choose(var, Set::NONE, Set::ALL).unwrap()
}

#[test]
fn equal_sets_are_equal_edges() {
    let mut arena = Arena::new(1000);
    let (a, b, c) = (var(&mut arena, 0), var(&mut arena, 1), var(&mut arena, 2));
    let ab = arena.and(a, b).unwrap();
    let left = arena.or(ab, c).unwrap();
    let ac = arena.or(a, c).unwrap();
    let bc = arena.or(b, c).unwrap();
    assert_eq!(arena.and(ac, bc).unwrap(), left);
    assert!(arena.within(ab, a) && !arena.within(a, ab));
    assert!(arena.disjoint(ab, b.not()));
    let without_b = arena.exists(ab, &Vars::new(3, |it| it == 1)).unwrap();
    assert_eq!(without_b, a);
    let swapped = arena.replace(ab, &HashMap::from([(1, c)])).unwrap();
    assert_eq!(swapped, arena.and(a, c).unwrap());
}

#[test]
fn every_operation_agrees_with_truth_tables() {
    // All functions of three variables, by their tables of eight bits.
    let mut arena = Arena::new(100_000);
    let sets: Vec<Set> = (0..256u32)
        .map(|table| {
            (0..8).filter(|row| table >> row & 1 == 1).fold(Set::NONE, |sum, row| {
                let cube = (0..3).fold(Set::ALL, |cube, bit| {
                    let it = var(&mut arena, bit);
                    arena.and(cube, if row >> bit & 1 == 1 { it } else { it.not() }).unwrap()
                });
                arena.or(sum, cube).unwrap()
            })
        })
        .collect();
    for (a, x) in sets.iter().enumerate() {
        for (b, y) in sets.iter().enumerate() {
            assert_eq!(arena.and(*x, *y).unwrap(), sets[a & b]);
            assert_eq!(arena.disjoint(*x, *y), a & b == 0);
        }
        assert_eq!(x.not(), sets[255 - a]);
        for (b, y) in sets.iter().enumerate() {
            for (c, z) in sets.iter().enumerate().step_by(7) {
                assert_eq!(arena.either(*x, *y, *z).unwrap(), sets[a & b | !a & 255 & c]);
            }
        }
        for gone in 0..8 {
            // Rows that differ from one of the set in variables that are gone.
            let rows = (0..8).filter(|row| (0..8).any(|it| a >> it & 1 == 1 && (it ^ row) & !gone == 0));
            let wanted = rows.fold(0, |sum, row| sum | 1 << row);
            let vars = Vars::new(3, |var| gone >> var & 1 == 1);
            assert_eq!(arena.exists(*x, &vars).unwrap(), sets[wanted]);
        }
        for var in 0..3 {
            for (by, other) in [(Set::ALL, 255), (Set::NONE, 0), (sets[0b1010_1010], 0b1010_1010)] {
                let replaced = arena.replace(*x, &HashMap::from([(var, by)])).unwrap();
                let value =
                    |row: usize| if other >> row & 1 == 1 { row | 1 << var } else { row & !(1 << var) };
                let wanted =
                    (0..8).filter(|row| a >> value(*row) & 1 == 1).fold(0, |sum, row| sum | 1 << row);
                assert_eq!(replaced, sets[wanted]);
            }
        }
        for row in 0..8 {
            assert_eq!(arena.contains(*x, &|bit| row >> bit & 1 == 1), a >> row & 1 == 1);
        }
        let any = arena.any(*x);
        assert_eq!(any.is_none(), a == 0);
        assert!(any.is_none_or(|it| arena.holds(*x, &it)));
    }
}

#[test]
fn a_limit_is_kept() {
    let mut arena = Arena::new(3);
    let (a, b) = (var(&mut arena, 0), var(&mut arena, 1));
    assert_eq!(arena.and(a, b.not()), Err(TooLarge { nodes: 3 }));
    assert!(arena.nodes() <= 3);
}
