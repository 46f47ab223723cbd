#include "sim/keys_command.h"

#include <filesystem>
#include <iostream>
#include <memory>

#include "wire/keys.h"

namespace archleak::sim {
namespace {

void create(const std::filesystem::path& folder) {
  wire::create_key_folder(folder);
  std::cout << "coordinator  " << wire::read_public_key(folder / "coordinator.pub") << "\n"
            << "worker       " << wire::read_public_key(folder / "worker.pub") << "\n"
            << "Give the workers worker.key and coordinator.pub; coordinator.key stays with the coordinator.\n"
            << "Who may come in is listed in " << (folder / "allowed_workers").string() << "\n";
}

void show(const std::filesystem::path& file) {
  if (file.extension() == ".key") {
    std::cout << wire::read_key_pair(file).public_key << "\n";
  } else {
    const wire::KeyRing ring = wire::KeyRing::load(file);
    for (const auto& key : ring.keys()) std::cout << key << "\n";
  }
}

}  // namespace

void add_keys_command(CLI::App& app) {
  CLI::App* keys = app.add_subcommand("keys", "Make and show the keys that encrypt the wire between machines");
  keys->require_subcommand(1);

  const auto folder = std::make_shared<std::string>();
  CLI::App* make = keys->add_subcommand("new", "Make keys for a coordinator and its workers");
  make->add_option("DIR", *folder, "folder to make them in")->required();
  make->callback([folder] { create(*folder); });

  const auto file = std::make_shared<std::string>();
  CLI::App* print = keys->add_subcommand("show", "Print the public keys in a file");
  print->add_option("FILE", *file, "a .key, .pub or allowed_workers file")->required();
  print->callback([file] { show(*file); });
}

}  // namespace archleak::sim
