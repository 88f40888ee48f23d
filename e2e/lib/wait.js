'use strict';

// until polls a condition until it gives something truthy, and returns that. It is for
// what cannot be awaited: an effect that another process will bring about.
async function until(what, condition, { timeout = 20000, every = 15 } = {}) {
  const deadline = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      const got = await condition();
      if (got) return got;
      last = undefined;
    } catch (err) {
      last = err;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeout / 1000} s for ${what}${last ? `: ${last.message}` : ''}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

module.exports = { until };
