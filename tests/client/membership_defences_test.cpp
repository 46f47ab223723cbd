// The train workload under distillation and adversarial regularisation.
#include <gmock/gmock.h>

#include <numeric>

#include "client/client_state.h"
#include "client/distil.h"
#include "client/train_workload.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "data/digits.h"
#include "data/synthetic_table.h"
#include "models/registry.h"

namespace archleak::client {
namespace {

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> values(end - begin);
  std::iota(values.begin(), values.end(), begin);
  return values;
}

/// Two clients with sixty binary table rows each, and a fully connected network with dropout.
struct Bench {
  RunSettings run{.seed = 3, .rounds = 4, .protocol = {.protocol = Protocol::weights}};
  LocalTrainingOptions training{.epochs = 2, .batch_size = 16, .lr = 0.05, .clip_norm = 0};
  std::shared_ptr<const TrainingData> data;
  std::string network = "column_fc";

  explicit Bench(TrainingData given = rows()) : data(std::make_shared<TrainingData>(std::move(given))) {
    torch::set_num_threads(1);
  }

  static TrainingData rows() {
    return {.splits = data::draw_splits(data::table30(), 1, 120, 300),
            .partition = {range(0, 60), range(60, 120)},
            .transform = {},
            .plain_transform = {}};
  }

  void set_data(TrainingData given) { data = std::make_shared<TrainingData>(std::move(given)); }

  std::shared_ptr<models::Network> make_network() const {
    const auto& train = data->splits.train;
    return models::make_network(network, train.shape, train.classes, make_torch_generator({.seed = 1}));
  }

  std::unique_ptr<TrainWorkload> make() const {
    const auto model = make_network();
    Arena arena = Arena::adopt(*model);
    initial.assign(arena.floats().begin(), arena.floats().end());
    return std::make_unique<TrainWorkload>(model, std::move(arena), data, run, training);
  }

  std::vector<float> train(TrainWorkload& workload, const ClientTask& task, ClientOutcome* outcome = nullptr) const {
    workload.load(initial);
    std::vector<float> update(workload.update_size());
    const ClientOutcome result = workload.train(task, update);
    if (outcome) *outcome = result;
    return update;
  }

  std::vector<float> train(const ClientTask& task = {}, ClientOutcome* outcome = nullptr) const {
    const auto workload = make();
    return train(*workload, task, outcome);
  }

  /// Mean probability of the true class that a trained model gives to these examples of a set.
  double confidence(const std::vector<float>& weights, const data::Dataset& set,
                    const std::vector<int64_t>& indices) const {
    const torch::NoGradGuard no_grad;
    const auto model = make_network();
    Arena arena = Arena::adopt(*model);
    EXPECT_EQ(weights.size(), arena.floats().size());
    std::copy(weights.begin(), weights.end(), arena.floats().begin());
    model->eval();
    const auto batch = data::gather(set, indices, data->plain_transform);
    return torch::softmax(model->forward(batch.images), 1).gather(1, batch.labels.unsqueeze(1)).mean().item<double>();
  }

  mutable std::vector<float> initial;
};

/// Logits of a teacher that is sure of its examples in the order of `sureness` and gives class `index % 30`.
std::vector<float> teacher_logits(const std::vector<float>& sureness) {
  std::vector<float> logits(sureness.size() * 30);
  for (size_t i = 0; i < sureness.size(); ++i) logits[i * 30 + i % 30] = sureness[i];
  return logits;
}

std::vector<float> drawn_logits(const TrainingData& reference) {
  RandomEngine engine = make_engine({.seed = 5, .purpose = "teacher"});
  std::vector<float> logits(reference.splits.train.size() * reference.splits.train.classes);
  for (float& logit : logits) logit = static_cast<float>(6 * uniform(engine));
  return logits;
}

TEST(Distil, EachClientKeepsTheShareThatTheTeacherIsSurestOf) {
  TrainingData reference = Bench::rows();
  reference.partition = {{0, 1, 2, 3}, {4, 6, 8}, {7}};
  std::vector<float> sureness(120, 1);
  sureness[1] = sureness[2] = 5;
  sureness[8] = 9;
  const auto student = distil(reference, teacher_logits(sureness), {.entropy_quantile = 0.5});
  EXPECT_EQ(student->partition, (data::Partition{{1, 2}, {4, 8}, {7}}));
  EXPECT_EQ(student->soft_labels.probabilities.size(), 120u * 30);
  EXPECT_NEAR(student->soft_labels.probabilities[30 + 1], std::exp(5) / (std::exp(5) + 29), 1e-6);
  const auto all = distil(reference, teacher_logits(sureness), {.temperature = 2, .entropy_quantile = 1});
  EXPECT_EQ(all->partition, reference.partition);
  EXPECT_EQ(all->soft_labels.temperature, 2);
  EXPECT_NEAR(all->soft_labels.probabilities[30 + 1], std::exp(2.5) / (std::exp(2.5) + 29), 1e-6);
}

TEST(Distil, RefusesAnswersAboutOtherExamples) {
  EXPECT_THROW(distil(Bench::rows(), std::vector<float>(119 * 30), {}), DataError);
  EXPECT_THROW(distil(Bench::rows(), std::vector<float>(120 * 30, NAN), {}), DataError);
}

TEST(Student, NeverReadsLabels) {
  TrainingData reference = Bench::rows();
  Bench bench(*distil(reference, drawn_logits(reference), {}));
  const auto expected = bench.train({.round = 1, .client = 1});
  auto& labels = reference.splits.train.labels;
  std::rotate(labels.begin(), labels.begin() + 7, labels.end());
  bench.set_data(*distil(reference, drawn_logits(reference), {}));
  EXPECT_EQ(bench.train({.round = 1, .client = 1}), expected);
  bench.set_data(reference);
  EXPECT_NE(bench.train({.round = 1, .client = 1}), expected) << "as other training does";
}

TEST(Student, OfATeacherWithoutDoubtLearnsAsFromLabels) {
  Bench bench;
  const auto from_labels = bench.train();
  const auto& train = bench.data->splits.train;
  std::vector<float> logits(train.size() * 30);
  for (int64_t i = 0; i < train.size(); ++i) logits[i * 30 + train.labels[i]] = 500;
  bench.set_data(*distil(Bench::rows(), logits, {.entropy_quantile = 1}));
  const auto student = bench.train();
  double largest = 0;
  for (size_t i = 0; i < student.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(student[i] - from_labels[i])));
  }
  EXPECT_LT(largest, 1e-5);
}

TEST(Student, ComesToAnswerAsItsTeacher) {
  TrainingData reference = Bench::rows();
  Bench bench(*distil(reference, drawn_logits(reference), {.entropy_quantile = 1}));
  ClientOutcome first, last;
  bench.train({}, &first);
  bench.training.epochs = 60;
  bench.train({}, &last);
  EXPECT_GT(first.figures.at(1).value, 0.2);
  EXPECT_LT(last.figures.at(1).value, 0.7 * first.figures.at(1).value) << "means over all epochs";
}

TEST(Student, UnderDpSgdWithoutNoiseTakesTheSameGradient) {
  TrainingData reference = Bench::rows();
  reference.splits = data::draw_splits(data::digits(), 1, 120, 20);
  Bench bench(*distil(reference, drawn_logits(reference), {.temperature = 2, .entropy_quantile = 1}));
  bench.network = "cnn";
  bench.run.protocol.protocol = Protocol::gradient;
  bench.training.batch_size = 60;  // all of a client's examples, also when each is drawn with probability one
  const auto plain = bench.train();
  bench.run.dp_sgd = std::make_shared<const defenses::DpSgdPlan>(
      defenses::DpSgdPlan{.weights = {.clip = 1e6, .noise_multiplier = 0}, .alpha = {}});
  const auto clipped = bench.train();
  double largest = 0, difference = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(plain[i])));
    difference = std::max(difference, static_cast<double>(std::abs(plain[i] - clipped[i])));
  }
  EXPECT_GT(largest, 1e-3);
  EXPECT_LT(difference, 1e-4 * largest);
}

defenses::AdversarialOptions adversary(double lambda, double reference_share = 0.5) {
  return {.enabled = true,
          .lambda = lambda,
          .reference_share = reference_share,
          .lr = 1e-2,
          .prediction_layers = {32, 16},
          .label_layers = {16},
          .joint_layers = {16}};
}

TEST(AdversarialRegularisation, WithoutWeightIsTheTrainingOfTheMembersToTheBit) {
  Bench bench;
  bench.run.adversarial = adversary(0, 0.3);
  const ClientTask task{.round = 1, .client = 1};
  ClientOutcome outcome;
  const auto defended = bench.train(task, &outcome);
  EXPECT_EQ(outcome.weight, 42);

  const auto members = split_members(*bench.data, 0.3, bench.run.seed, 1).members;
  TrainingData alone = *bench.data;
  alone.partition[1] = members;
  Bench plain(alone);
  EXPECT_EQ(plain.train(task), defended);
  bench.run.adversarial->lambda = 1;
  EXPECT_NE(bench.train(task), defended);
}

TEST(AdversarialRegularisation, NeverTrainsOnTheReferencePart) {
  Bench bench;
  bench.run.adversarial = adversary(0);
  const auto expected = bench.train();
  TrainingData other = *bench.data;
  for (const int64_t index : split_members(other, 0.5, bench.run.seed, 0).reference) {
    other.splits.train.labels[index] = (other.splits.train.labels[index] + 1) % 30;
  }
  bench.set_data(other);
  EXPECT_EQ(bench.train(), expected);
  bench.run.adversarial = adversary(3);
  const auto deceived = bench.train();
  bench.set_data(Bench::rows());
  EXPECT_NE(bench.train(), deceived) << "the adversary does look at it";
}

TEST(AdversarialRegularisation, WhatAClientSendsDependsOnItsTaskAndItsStateAlone) {
  Bench bench;
  bench.run.adversarial = adversary(2);
  ClientOutcome first;
  bench.train({.round = 0, .client = 1}, &first);
  const ClientTask second{.round = 1, .client = 1, .state = first.state};
  ClientOutcome expected;
  const auto update = bench.train(second, &expected);

  const auto workload = bench.make();
  bench.train(*workload, {.round = 0, .client = 0});
  bench.train(*workload, {.round = 3, .client = 1});
  ClientOutcome again;
  EXPECT_EQ(bench.train(*workload, second, &again), update);
  EXPECT_EQ(again.state, expected.state);
  EXPECT_NE(bench.train({.round = 1, .client = 1}), update) << "the state matters";
}

TEST(AdversarialRegularisation, KeepsTheInferenceNetworkAtTheClientAndOutOfTheUpdate) {
  Bench bench;
  const auto size = bench.train().size();
  bench.run.adversarial = adversary(2);
  ClientOutcome outcome;
  EXPECT_EQ(bench.train({}, &outcome).size(), size);
  const auto parameters = static_cast<size_t>(defenses::inference_parameters(30, *bench.run.adversarial));
  EXPECT_GE(ClientState::decode(outcome.state).adversary.size(), 12 * parameters);
  EXPECT_LE(outcome.state.size(), 12 * parameters + 200);
  EXPECT_THROW(bench.train({.state = ClientState{.adversary = "nonsense"}.encode()}), Error);
}

TEST(AdversarialRegularisation, ClosesTheGapBetweenMembersAndOthers) {
  Bench bench;
  bench.training.epochs = 40;
  const auto members = split_members(*bench.data, 0.5, bench.run.seed, 0).members;
  const auto gap = [&](double lambda, double* gain) {
    bench.run.adversarial = adversary(lambda);
    ClientOutcome outcome;
    const auto weights = bench.train({}, &outcome);
    *gain = outcome.figures.at(2).value;
    return bench.confidence(weights, bench.data->splits.train, members) -
           bench.confidence(weights, bench.data->splits.test, range(0, 300));
  };
  double free_gain = 0, held_gain = 0;
  const double free = gap(0, &free_gain), held = gap(4, &held_gain);
  EXPECT_GT(free, 0.5) << "thirty rows are learnt by heart";
  EXPECT_LT(held, 0.7 * free);
  EXPECT_LT(held_gain, free_gain) << "the adversary guesses worse";
}

TEST(AdversarialRegularisation, RefusesAClientThatCannotKeepAReferencePart) {
  TrainingData given = Bench::rows();
  given.partition[0] = {5};
  Bench bench(given);
  bench.run.adversarial = adversary(1);
  EXPECT_THROW(bench.train(), DataError);
}

}  // namespace
}  // namespace archleak::client
