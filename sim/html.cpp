#include "sim/html.h"

#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <cmath>

namespace archleak::sim {
namespace {

constexpr const char* kStyle = R"(
:root { --ink: #1f2933; --soft: #5a6672; --line: #dfe4e9; --paper: #ffffff; --wash: #f5f7f9; --blue: #2b6a99; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 28px 24px 60px; }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; }
h1 { font-size: 26px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 12px; }
p { margin: 6px 0; }
.soft { color: var(--soft); }
.state { border-radius: 99px; padding: 2px 12px; font-size: 13px; background: #e4e9ee; color: var(--ink); }
.state.finished { background: #dcefe3; color: #22633c; }
.state.interrupted, .state.unfinished { background: #fbecd8; color: #83500f; }
.state.failed { background: #f8dede; color: #8d2629; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 20px 0; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 21px; font-weight: 600; white-space: nowrap;
          font-variant-numeric: tabular-nums; line-height: 1.25; }
.card span { color: var(--soft); font-size: 13px; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
          padding: 18px 20px; margin: 16px 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 18px 24px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; color: var(--soft); margin-bottom: 2px; }
figure svg, figure img { width: 100%; height: auto; display: block; }
figure svg text, figure svg tspan { font-family: inherit; }
figure svg image { image-rendering: pixelated; }
.words { text-align: left; white-space: normal; min-width: 6em; }
.published { color: var(--blue); }
.pixels { display: inline-block; max-width: 100%; }
.pixels img { width: 100%; height: auto; display: block; image-rendering: pixelated; }
.beside { align-self: center; }
.scroll { overflow-x: auto; margin-top: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td:first-child { min-width: 11em; }
td > svg { min-width: 200px; max-width: 440px; display: block; }
table.numbers td { font-variant-numeric: tabular-nums; white-space: nowrap; }
table.numbers th { white-space: normal; vertical-align: bottom; }
table.numbers td:not(:first-child), table.numbers th:not(:first-child) { text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 8px 0 0; background: var(--wash); border-radius: 6px; padding: 12px 14px; overflow-x: auto; }
details summary { cursor: pointer; color: var(--blue); }
figure + .charts, details + .charts { margin-top: 22px; }
details + details, figure + details, table + details, dl + details, .scroll + details, p + details { margin-top: 12px; }
.warn { color: #9a5b10; font-weight: 500; }
.bad { color: #a12c30; font-weight: 500; }
.note { background: #fbf3e6; border-radius: 6px; padding: 8px 12px; }
@media print { body { background: none; } section, .card { break-inside: avoid; } }
)";

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char character : text) {
    switch (character) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += character;
    }
  }
  return escaped;
}

std::string html_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                       bool numeric) {
  std::string html = numeric ? "<div class=\"scroll\"><table class=\"numbers\"><thead><tr>"
                             : "<div class=\"scroll\"><table><thead><tr>";
  for (const auto& cell : head) html += "<th>" + cell + "</th>";
  html += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const auto& cell : row) html += "<td>" + cell + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string html = "<dl>\n";
  for (const auto& [name, value] : facts) html += "<dt>" + name + "</dt><dd>" + value + "</dd>\n";
  return html + "</dl>\n";
}

std::string html_section(const std::string& heading, const std::string& content) {
  return "<section>\n<h2>" + heading + "</h2>\n" + content + "</section>\n";
}

std::string html_card(const std::string& value, const std::string& name) {
  return "<div class=\"card\"><b>" + value + "</b><span>" + name + "</span></div>\n";
}

std::string html_details(const std::string& summary, const std::string& content) {
  return "<details><summary>" + summary + "</summary>\n" + content + "</details>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escape_html(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n" + body +
         "</main>\n</body>\n</html>\n";
}

std::string html_image(const std::string& content, const char* type, const std::string& description) {
  std::string encoded(4 * (content.size() / 3 + 1) + 1, '\0');
  encoded.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                                     reinterpret_cast<const unsigned char*>(content.data()),
                                                     static_cast<int>(content.size()))));
  return fmt::format("<img alt=\"{}\" src=\"data:{};base64,{}\">", escape_html(description), type, encoded);
}

std::string format_bytes(double bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
}

}  // namespace archleak::sim
