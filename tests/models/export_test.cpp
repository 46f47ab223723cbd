#include "models/export.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/arena.h"
#include "core/error.h"
#include "core/file.h"
#include "core/torch_random.h"
#include "models/registry.h"
#include "tests/support/paths.h"

namespace archleak::models {
namespace {

std::shared_ptr<Network> small_network() {
  const auto network = make_network("resnet20", {1, 28, 28}, 10, make_torch_generator({.seed = 1, .purpose = "test"}));
  network->train();
  const torch::NoGradGuard no_grad;
  network->forward(torch::ones({2, 1, 28, 28}));
  return network;
}

c10::Dict<std::string, torch::Tensor> read_back(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  const auto value = torch::pickle_load({bytes.begin(), bytes.end()});
  c10::Dict<std::string, torch::Tensor> state;
  for (const auto& item : value.toGenericDict()) state.insert(item.key().toStringRef(), item.value().toTensor());
  return state;
}

TEST(Export, KeepsEveryNameShapeAndValue) {
  const test::TemporaryFolder folder;
  const auto network = small_network();
  export_weights(*network, folder / "weights.pt");
  const auto state = read_back(folder / "weights.pt");
  const auto tensors = named_tensors(*network);
  EXPECT_EQ(state.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(state.contains(name)) << name;
    EXPECT_TRUE(torch::equal(state.at(name).to(tensor.scalar_type()), tensor)) << name;
  }
}

TEST(Export, WritesBatchCountersAsIntegers) {
  const test::TemporaryFolder folder;
  export_weights(*small_network(), folder / "weights.pt");
  const torch::Tensor counter = read_back(folder / "weights.pt").at("stem.1.num_batches_tracked");
  EXPECT_EQ(counter.scalar_type(), torch::kInt64);
  EXPECT_EQ(counter.item<int64_t>(), 1);
}

TEST(Export, DoesNotWriteTheWholeArenaForEachOfItsViews) {
  const test::TemporaryFolder folder;
  const auto network = small_network();
  const Arena arena = Arena::adopt(*network);
  export_weights(*network, folder / "weights.pt");
  const auto values = static_cast<uintmax_t>(arena.layout().size()) * sizeof(float);
  EXPECT_LT(std::filesystem::file_size(folder / "weights.pt"), values + values / 4);
}

TEST(Export, NeedsNoTorchScriptToBeRead) {
  const test::TemporaryFolder folder;
  export_weights(*small_network(), folder / "weights.pt");
  EXPECT_EQ(read_file(folder / "weights.pt").find("restore_type_tag"), std::string::npos);
}

TEST(Export, RefusesANameThatOccursTwice) {
  const test::TemporaryFolder folder;
  const NamedTensors tensors = {{"weight", torch::zeros({2})}, {"weight", torch::ones({2})}};
  EXPECT_THROW(export_weights(tensors, folder / "weights.pt"), DataError);
  EXPECT_FALSE(std::filesystem::exists(folder / "weights.pt"));
}

TEST(Export, IsReadByPython) {
  if (std::system("python3 -c 'import torch' > /dev/null 2>&1") != 0) GTEST_SKIP() << "python3 has no torch";
  const test::TemporaryFolder folder;
  const auto network = small_network();
  export_weights(*network, folder / "weights.pt");
  std::ofstream(folder / "read.py")
      << "import sys, torch\n"
         "state = torch.load(sys.argv[1], weights_only=True)\n"
         "assert isinstance(state, dict), type(state)\n"
         "assert len(state) == int(sys.argv[2]), len(state)\n"
         "assert state['stem.0.weight'].shape == (16, 1, 3, 3)\n"
         "assert state['stem.1.num_batches_tracked'].dtype == torch.int64\n"
         "norm = torch.nn.BatchNorm2d(16)\n"
         "norm.load_state_dict({k[7:]: v for k, v in state.items() if k[:7] == 'stem.1.'})\n"
         "assert abs(norm.running_var.sum() - float(sys.argv[3])) < 1e-4\n";
  const double variance = network->named_buffers()["stem.1.running_var"].sum().item<double>();
  const std::string command = "python3 '" + (folder / "read.py").string() + "' '" + (folder / "weights.pt").string() +
                              "' " + std::to_string(named_tensors(*network).size()) + " " + std::to_string(variance);
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace archleak::models
