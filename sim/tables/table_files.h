#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace archleak::sim {

/// A group of tables and figures of one paper that report the same.
struct CatalogueEntry {
  std::vector<std::string> ids;  ///< "002-T1"; a table's file is named after its id
  std::string reports;
  std::string expected;  ///< the published direction
};

struct CataloguePaper {
  std::string title;
  std::vector<CatalogueEntry> entries;
};

/// What the papers report, from catalogue.toml in `folder`. Throws ConfigError with file and line.
std::vector<CataloguePaper> read_catalogue(const std::filesystem::path& folder);

/// The folder with the tables that come with the program: configs/tables where the program is started, else in the
/// source tree that it was built in, else share/archleak/configs/tables where it is installed. Throws ConfigError if
/// there is none.
std::filesystem::path find_table_folder();

/// The files of tables in `folder`, by id.
std::map<std::string, std::filesystem::path> list_tables(const std::filesystem::path& folder);

/// The file of a table: `name` itself if it ends in .toml, else the table of this id. Throws ConfigError, naming the
/// nearest id.
std::filesystem::path find_table(const std::string& name);

}  // namespace archleak::sim
