"""A form as it is read keeps the order in which the browser sent it: Litestar's own `multi_items` goes by a set."""

from litestar.datastructures import FormMultiDict

from ombud.web.pages.given import Given


def test_the_parts_of_a_form_keep_the_order_in_which_they_were_sent() -> None:
    names = [f"field{number}" for number in range(60)]
    form = Given(FormMultiDict([(name, name) for name in names]))
    assert list(form.parts()) == names
    assert list(form.texts()) == names
