from pipelines.web_page import html_page, html_table


def test_texts_are_escaped_and_nothing_is_loaded_from_elsewhere():
    page = html_page("<b>", [html_table(["<i>"], [["<script>alert(1)</script>"]])])

    assert "<script>" not in page and "<i>" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page and "<title>&lt;b&gt;</title>" in page
    assert "default-src 'none'" in page
