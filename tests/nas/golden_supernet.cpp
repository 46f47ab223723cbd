#include "tests/nas/golden_supernet.h"

#include <fstream>

#include "core/torch_random.h"

namespace archleak::test {

GoldenSupernet::GoldenSupernet(const std::filesystem::path& folder, torch::ScalarType type, nas::Execution execution) {
  std::ifstream(folder / "index.json") >> index_;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(folder / "values.f32"));
  values_ = torch::empty({bytes / 4}, torch::kFloat32);
  std::ifstream(folder / "values.f32", std::ios::binary).read(static_cast<char*>(values_.data_ptr()), bytes);

  const nas::SpaceOptions options{.channels = index_.at("channels"),
                                  .layers = index_.at("layers"),
                                  .steps = index_.at("steps"),
                                  .multiplier = index_.at("multiplier"),
                                  .stem_multiplier = index_.at("stem_multiplier"),
                                  .execution = execution};
  network = nas::make_search_network(options, {3, 32, 32}, index_.at("classes"), make_torch_generator({}));
  network->to(type);
  arena = std::make_unique<Arena>(Arena::adopt(*network, [&](const auto& name) { return network->is_alpha(name); }));
  for (const auto& entry : arena->layout().entries) {
    if (entry.segment == Segment::weights) arena->view(entry).copy_(expected("weight/" + entry.name));
    if (entry.name == "alphas_normal") arena->view(entry).copy_(expected("alpha/normal"));
    if (entry.name == "alphas_reduce") arena->view(entry).copy_(expected("alpha/reduce"));
  }
  const auto labels = [&](const char* name) { return torch::tensor(index_.at(name).get<std::vector<int64_t>>()); };
  train = {expected("x_train").to(type), labels("y_train")};
  valid = {expected("x_valid").to(type), labels("y_valid")};
}

torch::Tensor GoldenSupernet::expected(const std::string& name) const {
  const auto& entry = index_.at("tensors").at(name);
  const auto shape = entry.at("shape").get<std::vector<int64_t>>();
  const auto offset = entry.at("offset").get<int64_t>();
  return values_.slice(0, offset, offset + c10::multiply_integers(shape)).view(shape).to(torch::kFloat64);
}

nas::UnrolledStep GoldenSupernet::unrolled_step() const {
  const auto& step = index_.at("second_order");
  return {.lr = step.at("eta"),
          .momentum = step.at("momentum"),
          .weight_decay = step.at("weight_decay"),
          .momentum_buffer = {}};
}

double relative_error(const torch::Tensor& actual, const torch::Tensor& expected) {
  const torch::Tensor a = actual.detach().to(torch::kFloat64).flatten();
  const torch::Tensor b = expected.detach().to(torch::kFloat64).flatten();
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace archleak::test
