#include "sim/attack/attack_run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/file.h"
#include "core/pack.h"
#include "sim/attack/captured_update.h"
#include "sim/setup.h"
#include "tests/support/paths.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_writer.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = R"([data]
name = "digits"
train_size = 60
test_size = 120
[federation]
clients = 2
protocol = "gradient"
withhold_weights = true
[space]
kind = "graph"
[graph]
cells = 8
channels = 1
[training]
batch_size = 1
)";

/// Captures of one round that was never run: one model, one update.
class AttackRun : public testing::Test {
 protected:
  AttackRun() {
    const RunConfig run = parse_run_config(kConfig, "test");
    const GlobalModel model = make_global_model(run, {1, 28, 28}, 10);
    const auto& layout = model.arena.layout();
    const auto message = broadcast_layout(run.protocol, layout.weights, layout.alpha, layout.buffers);
    model_.resize(message.size());
    pack(layout, message, model.arena.floats(), model_);
    update_.assign(layout.alpha, 0.01f);
  }

  std::filesystem::path capture(const std::string& config) {
    const auto file = folder_ / "run.alcap";
    std::filesystem::remove(file);
    {
      wire::CaptureWriter writer(file, {.source = "tap"});
      writer.open(1, "ipc", 1);
      std::vector<wire::Message> down;
      if (welcomed_) {
        const auto& second = other_config_.empty() ? config : other_config_;
        down = {wire::Welcome{.epoch = 1, .config = config, .layout = layout_},
                wire::Welcome{.epoch = 2, .config = second, .layout = layout_}};
      }
      down.push_back(wire::Model{.round = 0, .values = wire::Payload::own(std::vector<float>(model_))});
      writer.data(1, wire::Direction::down, 0, wire::test::zmtp_stream("", down), 2);
      const wire::Outcome own{.task = 1,
                              .round = 0,
                              .client = client_,
                              .weight = weight_,
                              .metrics = {{"steps", steps_}},
                              .update = wire::Payload::own(std::vector<float>(update_))};
      const wire::PartialSum sum{
          .round = 0, .weight = 30, .sums = wire::Payload::own(std::vector<int64_t>(update_.size()))};
      const std::vector<wire::Message> own_updates(times_, own);
      writer.data(
          1, wire::Direction::up, 0,
          sums_alone_ ? wire::test::zmtp_stream("worker 1", {sum}) : wire::test::zmtp_stream("worker 1", own_updates),
          3);
    }
    return file;
  }

  AttackOutcome attack(const std::string& config = kConfig, const AttackRequest& request = {}) {
    const attacks::Observation observation(capture(config));
    const std::atomic<bool> stop{false};
    AttackOutcome outcome;
    attack_capture(observation, request, stop, outcome);
    return outcome;
  }

  CapturedUpdate read(const std::string& config, Segment segment = Segment::alpha) {
    const attacks::Observation observation(capture(config));
    return read_captured_update(observation, observation.rounds().at(0).updates.at(0), parse_run_config(config, "test"),
                                {1, 28, 28}, 10, segment, WeightKnowledge::broadcast, 1);
  }

  std::string error_of(const std::string& config = kConfig) {
    try {
      attack(config);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
  std::vector<float> model_, update_;
  std::string other_config_, layout_;  ///< of a second Welcome, if another; of both
  int64_t client_ = 1;
  double steps_ = 1;
  int64_t weight_ = 15;
  int times_ = 1;  ///< that the update goes by
  bool sums_alone_ = false;
  bool welcomed_ = true;  ///< the configuration goes by
};

TEST_F(AttackRun, AnUpdateThatNoImageExplainsIsAttackedAndJudgedAllTheSame) {
  const auto outcome = attack();
  ASSERT_EQ(outcome.results.images.size(), 1);
  EXPECT_EQ(outcome.results.skipped, 0);
  EXPECT_GT(outcome.results.images[0].unexplained, 0.1);
  EXPECT_LT(outcome.results.images[0].ssim, 0.9);
}

TEST_F(AttackRun, DenoisingLeavesNoPixelAboveItsThreshold) {
  for (const char* solver : {"second_order", "cosine"}) {
    AttackRequest request;
    request.options = {.solver = solver, .iterations = 3, .denoise = true};
    const auto outcome = attack(kConfig, request);
    ASSERT_EQ(outcome.images.size(), 1);
    const auto& pixels = outcome.images[0].reconstruction.pixels;
    EXPECT_LE(*std::max_element(pixels.begin(), pixels.end()), 245.0 / 255 + 1e-6) << solver;
  }
}

TEST_F(AttackRun, AnUpdateWithValuesThatAreNotFiniteIsSkippedWithTheReason) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    update_[3] = value;
    const auto outcome = attack();
    EXPECT_TRUE(outcome.results.images.empty());
    EXPECT_EQ(outcome.results.skipped, 1);
    EXPECT_THAT(outcome.results.skipped_why, HasSubstr("not finite"));
  }
}

TEST_F(AttackRun, AnUpdateOfADefendedRunIsReadWithTheNoiseThatTheConfigurationTellsOf) {
  const std::string defense = "[defense]\ntransforms = ['noise']\nnoise.amount = 0.25\nnoise.unit = ";
  EXPECT_FALSE(read(kConfig).noise.defined());
  for (const auto& [unit, expected] : {std::pair("'std'", 0.25), std::pair("'variance'", 0.5)}) {
    const auto noise = read(kConfig + defense + unit + "\n").noise;
    ASSERT_TRUE(noise.defined());
    EXPECT_EQ(noise.numel(), std::ssize(update_));
    EXPECT_NEAR((noise - expected).abs().max().item<double>(), 0, 1e-9) << unit;
  }
}

TEST_F(AttackRun, AnL2TermOnAlphaIsTakenOffTheGradient) {
  const auto plain = read(kConfig);
  const auto update = read(kConfig + std::string("[search]\nalpha_l2 = 0.5\n"));
  EXPECT_TRUE(update.gradient.allclose(plain.gradient - plain.before));
}

TEST_F(AttackRun, AnUpdateThatDoesNotTellTheGradientIsSkippedWithTheReason) {
  const std::string delta = std::string(kConfig).replace(std::string(kConfig).find("gradient"), 8, "delta");
  for (const auto& [config, reason] : std::vector<std::pair<std::string, std::string>>{
           {kConfig + std::string("[search]\norder = 'mixed'\n"), "first order"},
           {delta, "steps of Adam"},
           {delta + "max_steps = 1\ncarry_optimizer = true\n", ""}}) {
    steps_ = config == delta ? 3 : 1;
    const auto got = read(config).unreadable;
    EXPECT_TRUE(reason.empty() ? got.empty() : got.find(reason) != std::string::npos) << config << got;
  }
  steps_ = 2;
  EXPECT_THAT(read(std::string(delta) + "[search]\nalpha_optimizer = 'sgd'\nalpha_clip_norm = 9\n").unreadable,
              HasSubstr("clipped"));
}

TEST_F(AttackRun, OfAGradientThatWasClippedTheDirectionIsRead) {
  const std::string clipped = kConfig + std::string("[search]\nalpha_clip_norm = 0.02\nalpha_l2 = 0.5\n");
  const std::string in_front = "withhold_weights = true\n";
  const std::string uniform = std::string(kConfig).replace(std::string(kConfig).find(in_front), in_front.size(),
                                                           in_front + "weighting = \"uniform\"\n");
  const std::string defended =
      uniform + std::string(
                    "[defense]\ntransforms = ['clip_noise']\n[defense.clip_noise]\nclip = 0.02\n"
                    "noise_multiplier = 1e-3\n[search]\nalpha_l2 = 0.5\n");
  const auto plain = read(kConfig);
  EXPECT_FALSE(plain.shortened);
  EXPECT_FALSE(read(kConfig + std::string("[search]\nalpha_clip_norm = 9\n")).shortened) << "it is shorter than that";
  for (const auto& config : {clipped, defended}) {
    const auto update = read(config);
    EXPECT_TRUE(update.shortened);
    EXPECT_TRUE(update.gradient.equal(plain.gradient)) << "the L2 term is inside of what was clipped";
    EXPECT_TRUE(update.offset.allclose(plain.before));
    EXPECT_EQ(attack(config).results.images.size(), 1);
    AttackRequest request;
    request.options.solver = "l2";
    EXPECT_THAT(attack(config, request).results.skipped_why, HasSubstr("clipped"));
  }
}

TEST_F(AttackRun, AnUpdateOfAClientThatTheRunHasNotIsAnError) {
  for (const int64_t client : {int64_t{2}, int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    client_ = client;
    EXPECT_THAT(error_of(), HasSubstr("one of 2 clients"));
  }
}

TEST_F(AttackRun, StepsThatAreNoNumberOfStepsAreAnError) {
  const std::string delta = std::string(kConfig) + "[search]\nalpha_optimizer = \"sgd\"\n";
  const auto config = [&] {
    auto text = delta;
    return text.replace(text.find("\"gradient\""), 10, "\"delta\"");
  }();
  for (const double steps : {1e300, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    steps_ = steps;
    EXPECT_THAT(error_of(config), HasSubstr("steps, got"));
  }
}

TEST_F(AttackRun, ABatchThatAPassLeavesShortIsAttackedWithTheOthers) {
  std::string config = kConfig + std::string("[search]\nalpha_optimizer = \"sgd\"\n");
  config.replace(config.find("\"gradient\""), 10, "\"delta\"");
  config.replace(config.find("batch_size = 1"), 14, "batch_size = 4");
  steps_ = 5;
  weight_ = 30;  // half of them for alpha
  const auto update = read(config);
  EXPECT_THAT(update.batches, testing::ElementsAre(4, 4, 4, 3, 4));
  EXPECT_EQ(update.images(), 19);
  const auto shares = update.shares();
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-12);
  EXPECT_NEAR(shares[12], 1.0 / 15, 1e-12) << "of the batch of three";
  AttackRequest request{.largest_batch = 20};
  request.options.solver = "cosine";
  request.options.iterations = 1;
  const auto outcome = attack(config, request);
  EXPECT_EQ(outcome.results.skipped_why, "");
  EXPECT_EQ(outcome.results.images.size(), 19);
}

TEST_F(AttackRun, TheGradientOfTheWeightsIsReadFromAStepOfSgdAndNotFromSeveralWithMomentum) {
  std::string config = kConfig;
  config.replace(config.find("withhold_weights = true"), 23, "");
  config.replace(config.find("\"gradient\""), 10, "\"delta\"");
  const std::string plain = config + "lr = 0.5\nclip_norm = 0\nweight_decay = 0.1\n";
  const RunConfig run = parse_run_config(plain, "test");
  const auto layout = make_global_model(run, {1, 28, 28}, 10).arena.layout();
  const auto sent = update_layout(run.protocol, layout.weights, layout.alpha, layout.buffers);
  update_.assign(sent.size(), 0.25f);
  weight_ = 15;  // of which 7 are for alpha
  const auto update = read(plain, Segment::weights);
  EXPECT_EQ(update.unreadable, "");
  EXPECT_TRUE(update.gradient.allclose(-0.5 - 0.1 * update.before, 1e-5, 1e-6)) << "less what the decay adds";
  EXPECT_FALSE(update.shortened);
  EXPECT_TRUE(read(config + "lr = 0.5\nclip_norm = 1\n", Segment::weights).shortened);
  steps_ = 2;
  EXPECT_THAT(read(plain, Segment::weights).unreadable, HasSubstr("momentum"));
  EXPECT_THAT(read(plain + "momentum = 0\n", Segment::weights).unreadable, testing::IsEmpty());
  update_.assign(layout.alpha, 0.25f);
  EXPECT_THROW(read(kConfig, Segment::weights), DataError) << "they are withheld";
}

TEST_F(AttackRun, AnUpdateThatWentByTwiceIsAttackedOnce) {
  times_ = 2;
  EXPECT_EQ(attack().results.images.size(), 1);
}

TEST_F(AttackRun, AnUpdateOfNothingIsSkipped) {
  std::fill(update_.begin(), update_.end(), 0.0f);
  EXPECT_THAT(attack().results.skipped_why, HasSubstr("did not move"));
}

TEST_F(AttackRun, ACaptureOfAnotherModelIsAnError) {
  model_.resize(model_.size() - 1);
  EXPECT_THAT(error_of(), HasSubstr("model message: expected"));
  model_.resize(model_.size() + 1);
  update_.resize(update_.size() + 7);
  EXPECT_THAT(error_of(), HasSubstr("expected an update of"));
}

TEST_F(AttackRun, ACaptureOfSeveralRunsOrOfAnotherLayoutIsAnError) {
  other_config_ = std::string(kConfig) + "momentum = 0.5\n";
  EXPECT_THAT(error_of(), HasSubstr("capture of one run"));
  other_config_.clear();
  layout_ = "0123";
  EXPECT_THAT(error_of(), HasSubstr("layout 0123"));
}

TEST_F(AttackRun, WhereNoUpdateIsAClientsOwnThereIsNothingToAttackAndTheThreatModelIsSaid) {
  sums_alone_ = true;
  const auto outcome = attack();
  EXPECT_THAT(outcome.results.blindness, HasSubstr("sums of several clients"));
  EXPECT_FALSE(outcome.results.threat_model.empty());
  sums_alone_ = false;
  EXPECT_THAT(attack(kConfig, {.client = 7}).results.blindness, HasSubstr("no update of that round and client"));
}

TEST_F(AttackRun, ACaptureThatBeganLateIsReadWithTheConfigurationThatIsGiven) {
  welcomed_ = false;
  EXPECT_THAT(error_of(), HasSubstr("--config"));
  const auto file = folder_ / "config.toml";
  write_file_atomically(file, kConfig);
  AttackRequest request;
  request.config = file.string();
  const auto outcome = attack(kConfig, request);
  EXPECT_EQ(outcome.results.images.size(), 1);
}

TEST_F(AttackRun, SeveralImagesOfUnknownLabelsAreNoFaultOfTheConfiguration) {
  std::string pairs = kConfig;
  pairs.replace(pairs.find("batch_size = 1"), 14, "batch_size = 2");
  EXPECT_THROW(attack(pairs, {.labels_known = false}), DataError);
}

TEST_F(AttackRun, AForeignConfigurationCannotAskForMoreExamplesThanFit) {
  std::string many = kConfig;
  many.replace(many.find("test_size = 120"), 15, "test_size = 2000000");
  EXPECT_THROW(attack(many), DataError);
}

TEST_F(AttackRun, AConfigurationThatCannotBeReadIsAnError) {
  EXPECT_THROW(attack("[graph]\ncells = 'many'\n"), ConfigError);
  EXPECT_THROW(attack("\x01\x02"), ConfigError);
}

TEST_F(AttackRun, AModelWithValuesThatAreNotFiniteDoesNotEndTheAttack) {
  model_[0] = std::numeric_limits<float>::quiet_NaN();
  const auto outcome = attack();
  EXPECT_EQ(outcome.results.images.size() + outcome.results.skipped, 1);
}

}  // namespace
}  // namespace archleak::sim
