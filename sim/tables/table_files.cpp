#include "sim/tables/table_files.h"

#include <spdlog/fmt/fmt.h>

#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "sim/tables/toml_section.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCatalogue = "catalogue.toml";
constexpr uint64_t kMaxCatalogueBytes = 1 << 20;

CatalogueEntry read_entry(const TomlSection& section, std::set<std::string>& seen) {
  CatalogueEntry entry{section.texts("ids"), section.text("reports"), section.text("expected", "")};
  section.reject_unknown();
  if (entry.ids.empty()) section.fail("ids", "expected at least one id, got none");
  for (const std::string& id : entry.ids) {
    if (!seen.insert(id).second) section.fail("ids", "expected different ids, got '" + id + "' twice");
  }
  return entry;
}

}  // namespace

std::vector<CataloguePaper> read_catalogue(const fs::path& folder) {
  const std::string file = (folder / kCatalogue).string();
  toml::table parsed;
  try {
    parsed = toml::parse(read_file(file, kMaxCatalogueBytes), file);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}:{}: expected TOML, got: {}", file, error.source().begin.line, error.description()));
  }
  const TomlSection document(parsed, file);
  std::vector<CataloguePaper> papers;
  std::set<std::string> seen;
  for (const TomlSection& section : document.sections("papers")) {
    CataloguePaper paper{section.text("title"), {}};
    for (const TomlSection& entry : section.sections("entries")) paper.entries.push_back(read_entry(entry, seen));
    section.reject_unknown();
    papers.push_back(std::move(paper));
  }
  document.reject_unknown();
  return papers;
}

fs::path find_table_folder() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path candidates[]{"configs/tables", program / ".." / ".." / "configs" / "tables",
                              program / ".." / "share" / "archleak" / "configs" / "tables"};
  for (const fs::path& folder : candidates) {
    if (fs::exists(folder / kCatalogue, ignored)) return folder.lexically_normal();
  }
  throw ConfigError(fmt::format("expected tables in {}, {} or {}, got none; name a table's file instead",
                                candidates[0].string(), candidates[1].lexically_normal().string(),
                                candidates[2].lexically_normal().string()));
}

std::map<std::string, fs::path> list_tables(const fs::path& folder) {
  std::map<std::string, fs::path> tables;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& file = entry.path();
    if (file.extension() == ".toml" && file.filename() != kCatalogue) tables[file.stem().string()] = file;
  }
  return tables;
}

fs::path find_table(const std::string& name) {
  if (name.ends_with(".toml")) return name;
  const auto tables = list_tables(find_table_folder());
  if (const auto found = tables.find(name); found != tables.end()) return found->second;
  std::vector<std::string> ids;
  for (const auto& [id, file] : tables) ids.push_back(id);
  throw ConfigError(fmt::format("table: expected the id of a table or a .toml file, got '{}'; {}", name,
                                ids.empty() ? "there is none" : "the nearest id is '" + nearest(name, ids) + "'"));
}

}  // namespace archleak::sim
