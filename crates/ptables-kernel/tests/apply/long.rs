//! Few rules of a long chain of nft.

use super::*;

/// A chain of ours between rules of others, with one rule told by `changed`.
fn rules_with(count: u32, changed: impl Fn(u32) -> Option<String>) -> String {
    let mut text = String::from("*filter\n");
    for number in 0..count {
        let rule = changed(number).unwrap_or_else(|| {
            format!("-p tcp -m tcp --dport {} -m comment --comment \"rule {number}\" -j ACCEPT", 1 + number)
        });
        if !rule.is_empty() {
            text.push_str(&format!("-A INPUT {rule}\n"));
        }
    }
    text + "COMMIT\n"
}

#[test]
fn a_rule_of_a_long_chain_is_changed_by_its_handle_and_all_others_stay() {
    for family in Family::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        let backend = Backend::Nft;
        docker(&scratch, family, backend);
        let apply = |text: &str| {
            let before = scratch.kernel().generation().unwrap();
            let wanted = wanted(&[(family, text)], backend);
            applier(&scratch, backend).preflight(false).apply(&wanted).unwrap();
            assert!(applier(&scratch, backend).plan(&wanted).unwrap().iter().all(Plan::is_empty));
            scratch.kernel().generation().unwrap() - before
        };
        let input = || {
            let saved = rules(&scratch, family, backend);
            saved.lines().filter(|it| it.starts_with("-A INPUT ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(apply(&rules_with(2_500, |_| None)), 1);
        let old = input();
        assert_eq!(old.len(), 2_501, "one is Docker's");
        // Matches of every kind: what the kernel does not tell of them is told again.
        let multiport = "-p udp -m multiport --dports 53,67:68 -m limit --limit 3/min -m comment --comment new -j LOG --log-prefix \"a b\"";
        let kinds = ["-j DROP", multiport, "! -p tcp -m length --length 100:200 -j REJECT"];
        for (at, kind) in [(1_200, kinds[0]), (0, kinds[1]), (2_499, kinds[2])] {
            let changed = rules_with(2_500, |number| (number == at).then(|| kind.to_owned()));
            // What is appended, and the batch: two changes. The tool alone would make one.
            assert_eq!(apply(&changed), 2, "{family} {kind}");
            let now = input();
            assert_eq!(now.len(), old.len(), "{family} {kind}");
            let differ: Vec<usize> = (0..old.len()).filter(|it| now[*it] != old[*it]).collect();
            assert_eq!(differ, [at as usize + 1], "{family} {kind}: {}", now[at as usize + 1]);
            assert_eq!(apply(&rules_with(2_500, |_| None)), 2, "{family} {kind}");
            assert_eq!(input(), old, "{family} {kind}");
        }
        // Some come, some go.
        let many = rules_with(2_500, |number| match number {
            5 | 700 => Some(String::new()),
            900 => Some("-p tcp -j LOG".into()),
            _ => None,
        });
        assert_eq!(apply(&many), 2, "{family}");
        assert_eq!(input().len(), old.len() - 2);
        assert!(rules(&scratch, family, backend).contains("-A DOCKER-USER -j RETURN"));
    }
}

#[test]
fn what_a_process_left_in_the_chain_of_the_owner_goes_with_the_next() {
    everywhere(|scratch, family, backend| {
        let one = "*filter\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n";
        applier(scratch, backend).apply(&wanted(&[(family, one)], backend)).unwrap();
        let left = b"*filter\n-A ptables.main -p tcp -j ACCEPT\nCOMMIT\n";
        let how = RestoreOptions::new().noflush(true);
        scratch.kernel().restore(family, backend, left, how).unwrap();
        applier(scratch, backend).apply(&wanted(&[(family, one)], backend)).unwrap();
        let now = rules(scratch, family, backend);
        assert!(now.contains(":ptables.main") && !now.contains("-A ptables.main"), "{now}");
        assert!(now.contains("-A INPUT -p tcp -j ACCEPT\n"), "{now}");
    });
}
