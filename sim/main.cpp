#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "sim/attack/attack_command.h"
#include "sim/audit/audit_command.h"
#include "sim/capture_command.h"
#include "sim/data_command.h"
#include "sim/experiments/experiments.h"
#include "sim/keys_command.h"
#include "sim/nas_command.h"
#include "sim/run_command.h"
#include "sim/show_command.h"
#include "sim/table_command.h"
#include "sim/table_runs.h"
#include "sim/tap_command.h"
#include "sim/version_command.h"

int main(int argc, char** argv) {
  using namespace archleak;
  CLI::App app("ArchLeak simulates federated neural architecture search and measures what it gives away.", "archleak");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 success, 1 failure, 2 wrong command line or configuration, 3 bad data, 4 transport,\n"
      "5 bad checkpoint, 75 interrupted after a checkpoint (continue with the command on the screen).");
  int exit_code = 0;
  sim::add_run_commands(app, exit_code);
  sim::add_search_command(app);
  sim::add_report_command(app);
  sim::add_table_command(app, sim::experiments(), sim::make_needed_runs, exit_code);
  sim::add_tap_command(app, exit_code);
  sim::add_capture_command(app);
  sim::add_attack_command(app, exit_code);
  sim::add_audit_command(app, exit_code);
  sim::add_nas_command(app);
  sim::add_data_command(app);
  sim::add_keys_command(app);
  sim::add_version_command(app);
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  } catch (const std::exception& error) {
    fmt::print(stderr, "archleak: {}\n", error.what());
    return static_cast<int>(archleak::exit_code(error));
  }
}
