"""Claims spread along families, whatever becomes known first."""

from itertools import permutations

from plugtui.ledger.attribution import Attribution


def test_owner_is_found_in_any_order_of_claims_and_ties() -> None:
    steps = [
        lambda a: a.claim("client", "c1", "meanrev"),
        lambda a: a.relate("o1", client_order_id="c1"),
        lambda a: a.relate("leg", client_order_id="x", parent_id="o1"),
        lambda a: a.relate("o2", replaces="o1"),
        lambda a: a.relate("o3", replaces="o2"),
    ]
    for order in permutations(steps):
        attribution = Attribution()
        for step in order:
            step(attribution)
        owners = [attribution.algo_of(name) for name in ("o1", "leg", "o2", "o3", "other")]
        assert owners == ["meanrev", "meanrev", "meanrev", "meanrev", None]
        assert attribution.reach("client", "c1") == {"o1", "leg", "o2", "o3"}


def test_its_own_claim_goes_before_an_inherited_one() -> None:
    attribution = Attribution()
    attribution.claim("order", "o1", "meanrev")
    attribution.relate("o2", replaces="o1")
    attribution.claim("order", "o2", "momentum")
    assert attribution.algo_of("o2") == "momentum"
    assert attribution.algo_of("o1") == "meanrev"


def test_a_circle_of_replacements_ends() -> None:
    attribution = Attribution()
    attribution.relate("a", replaces="b")
    attribution.relate("b", replaces="a")
    assert attribution.algo_of("a") is None
    assert attribution.reach("order", "a") == {"a", "b"}


def test_a_repeated_claim_says_nothing_new_and_an_empty_one_nothing_at_all() -> None:
    attribution = Attribution()
    assert attribution.claim("client", "c", "a")
    assert not attribution.claim("client", "c", "a")
    assert attribution.claim("client", "c", "b")
    assert not attribution.claim("client", "", "a")


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    attribution = Attribution()
    attribution.claim("client", "c", "a")
    attribution.relate("o", client_order_id="c", replaces="p")
    attribution.forget("o")
    assert attribution.algo_of("o", "c") is None
    assert attribution.reach("client", "c") == set()
    assert attribution.reach("order", "p") == {"p"}
