#include "tests/layering/layering.h"

#include <gmock/gmock.h>

#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> violations(const std::string& file, const std::string& header) {
  return include_violations(file, "#include \"" + header + "\"\n");
}

TEST(Layering, TheTreeKeepsItsFloors) {
  EXPECT_THAT(check_tree(ARCHLEAK_SOURCE_DIR), IsEmpty());
}

TEST(Layering, EveryCodeFolderHasAFloor) {
  for (const auto& entry : std::filesystem::directory_iterator(ARCHLEAK_SOURCE_DIR)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory() || name.starts_with('.') || name == "build" || name == "cmake") continue;
    bool has_code = false;
    for (const auto& file : std::filesystem::directory_iterator(entry)) has_code |= file.path().extension() == ".cpp";
    if (!has_code) continue;
    EXPECT_GT(floor_of(name), 0) << name;
  }
}

TEST(Layering, TheOwnFolderAndFloorsBelowAreAllowed) {
  EXPECT_THAT(violations("nas/cell.cpp", "nas/cell.h"), IsEmpty());
  EXPECT_THAT(violations("nas/cell.cpp", "models/network.h"), IsEmpty());
  EXPECT_THAT(violations("sim/main.cpp", "server/coordinator.h"), IsEmpty());
  EXPECT_THAT(violations("tests/attacks/a_test.cpp", "sim/report.h"), IsEmpty());
  EXPECT_THAT(violations("bench/step.cpp", "client/worker.h"), IsEmpty());
}

TEST(Layering, AFloorAboveIsAViolation) {
  EXPECT_THAT(violations("core/arena.cpp", "models/network.h"),
              ElementsAre("core/arena.cpp:1: includes models/network.h: expected its own folder or a floor below 1, "
                          "got a floor above"));
  EXPECT_THAT(violations("wire/message.h", "sim/run.h"), ElementsAre(HasSubstr("a floor above")));
  EXPECT_THAT(violations("sim/main.cpp", "tests/support/paths.h"), ElementsAre(HasSubstr("a floor above")));
}

TEST(Layering, AnotherFolderOfTheSameFloorIsAViolation) {
  for (const char* const header : {"client/worker.h", "server/coordinator.h"}) {
    EXPECT_THAT(violations("attacks/capture.cpp", header), ElementsAre(HasSubstr("the same floor")));
  }
  EXPECT_THAT(violations("data/load.cpp", "models/network.h"), ElementsAre(HasSubstr("the same floor")));
  EXPECT_THAT(violations("server/aggregate.cpp", "client/worker.h"), ElementsAre(HasSubstr("the same floor")));
}

TEST(Layering, ProjectHeadersAreIncludedByTheirFullPathInQuotes) {
  EXPECT_THAT(violations("nas/cell.cpp", "cell.h"), ElementsAre(HasSubstr("expected a full path")));
  EXPECT_THAT(violations("nas/cell.cpp", "../core/error.h"), ElementsAre(HasSubstr("expected a full path")));
  EXPECT_THAT(violations("nas/cell.cpp", "nas/../sim/run.h"), ElementsAre(HasSubstr("expected a full path")));
  EXPECT_THAT(include_violations("nas/cell.cpp", "#include <sim/run.h>\n"), ElementsAre(HasSubstr("expected quotes")));
  EXPECT_THAT(include_violations("nas/cell.cpp", "#include <torch/torch.h>\n#include <vector>\n"), IsEmpty());
}

TEST(Layering, DirectivesAreFoundHoweverTheyAreSpaced) {
  const std::string text = "// comment\n  #  include \"sim/run.h\"\n#include\"sim/run.h\"\n//#include \"sim/run.h\"\n";
  EXPECT_THAT(include_violations("core/a.cpp", text),
              ElementsAre(HasSubstr("core/a.cpp:2:"), HasSubstr("core/a.cpp:3:")));
}

TEST(Layering, APlantedViolationIsFound) {
  const TemporaryFolder root;
  std::filesystem::create_directories(root / "core" / "deep");
  std::filesystem::create_directories(root / "sim");
  std::filesystem::create_directories(root / "docs");
  write_file_atomically(root / "core" / "good.h", "#include \"core/error.h\"\n");
  write_file_atomically(root / "sim" / "good.cpp", "#include \"core/error.h\"\n#include \"attacks/audit.h\"\n");
  write_file_atomically(root / "docs" / "example.cpp", "#include \"anything\"\n");
  EXPECT_THAT(check_tree(root.path()), IsEmpty());
  write_file_atomically(root / "core" / "deep" / "bad.cpp", "\n#include \"sim/main.h\"\n");
  EXPECT_THAT(check_tree(root.path()), ElementsAre(HasSubstr("core/deep/bad.cpp:2: includes sim/main.h")));
}

}  // namespace
}  // namespace archleak::test
