#pragma once

#include "harness/base/clock.hpp"
#include "harness/env/layer_cache.hpp"
#include "harness/env/progress.hpp"

namespace nestbox {

/// What every layer's recipe is built with.
struct BuildContext {
  LayerCache& cache;
  Progress& progress;
  const CancelToken& cancel;
};

/// Says that `activity` goes on as long as the object lives.
class Activity {
public:
  Activity(Progress& progress, std::string activity)
      : m_progress(progress), m_activity(std::move(activity)) {
    m_progress.started(m_activity);
  }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity() { m_progress.finished(m_activity); }

private:
  Progress& m_progress;
  std::string m_activity;
};

}  // namespace nestbox
