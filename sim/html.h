#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace archleak::sim {

/// `text` with the characters that mean something in HTML replaced, for content and for quoted attributes.
std::string escape_html(std::string_view text);

/// A table; cells are HTML. Columns from the second on are set as numbers if `numeric`.
std::string html_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                       bool numeric);

/// A list of names and what they stand for; values are HTML.
std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts);

/// "<section>" with a heading.
std::string html_section(const std::string& heading, const std::string& content);

/// A figure in large, with what it is below; cards stand in a "<div class="cards">". Both are HTML.
std::string html_card(const std::string& value, const std::string& name);

/// What opens to `content` when `summary` is clicked.
std::string html_details(const std::string& summary, const std::string& content);

/// A document with its style inside it: nothing is loaded from elsewhere, nothing is a script.
std::string html_page(const std::string& title, const std::string& body);

/// An image that is part of the page, of `type` "image/svg+xml" or "image/png"; whatever an SVG holds, a browser runs
/// no script in it.
std::string html_image(const std::string& content, const char* type, const std::string& description);

/// "1.5 MB": powers of 1000, three digits.
std::string format_bytes(double bytes);

}  // namespace archleak::sim
