/**
 * Quantiles of a stream in little memory: a merging t-digest (Dunning and Ertl, "Computing extremely accurate quantiles using t-digests",
 * §2). Observations gather in a buffer; when it is full they are sorted and merged with the centroids. A centroid at quantile q may hold
 * 4·n·δ·q·(1−q) observations, so the tails stay exact; up to about 200 observations every one is kept. Equal observations share a centroid.
 */

/** The greatest share of all observations that one centroid may hold. */
const DELTA = 0.01;
const BUFFER_START = 16;
const BUFFER_LIMIT = 1024;

export class Digest {
  #means = new Float64Array(0);
  #weights = new Float64Array(0);
  #centroids = 0;
  #buffer = new Float64Array(BUFFER_START);
  #buffered = 0;
  /** Observations in the centroids. */
  #merged = 0;

  /** How many observations it has seen. */
  get count(): number {
    return this.#merged + this.#buffered;
  }

  push(value: number): void {
    if (this.#buffered === this.#buffer.length) this.#makeRoom();
    this.#buffer[this.#buffered++] = value;
  }

  #makeRoom(): void {
    if (this.#buffer.length >= BUFFER_LIMIT) return this.compress();
    const larger = new Float64Array(this.#buffer.length * 4);
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  /** Takes in everything that another digest has seen. */
  add(other: Digest): void {
    other.compress();
    this.compress();
    this.#merge(other.#means, other.#weights, other.#centroids, other.#merged);
  }

  clear(): void {
    this.#centroids = 0;
    this.#buffered = 0;
    this.#merged = 0;
  }

  /** Merges the buffer into the centroids. */
  compress(): void {
    if (this.#buffered === 0) return;
    const values = this.#buffer.subarray(0, this.#buffered).sort();
    this.#buffered = 0;
    this.#merge(values, undefined, values.length, values.length);
  }

  /** `means` ascend; without weights each counts once. */
  #merge(means: Float64Array, weights: Float64Array | undefined, length: number, added: number): void {
    const total = this.#merged + added;
    const oldMeans = this.#means;
    const oldWeights = this.#weights;
    const oldLength = this.#centroids;
    const newMeans = new Float64Array(oldLength + length);
    const newWeights = new Float64Array(oldLength + length);
    let made = -1;
    let before = 0; // observations in centroids that are finished
    let i = 0;
    let j = 0;
    while (i < oldLength || j < length) {
      const isOld = j === length || (i < oldLength && (oldMeans[i] as number) <= (means[j] as number));
      const mean = (isOld ? oldMeans[i] : means[j]) as number;
      const weight = isOld ? (oldWeights[i++] as number) : weights === undefined ? 1 : (weights[j] as number);
      if (!isOld) j++;
      if (made >= 0) {
        const open = newWeights[made] as number;
        const openMean = newMeans[made] as number;
        const quantile = (before + (open + weight) / 2) / total;
        if (mean === openMean || open + weight <= Math.floor(4 * total * DELTA * quantile * (1 - quantile))) {
          newWeights[made] = open + weight;
          if (mean !== openMean) newMeans[made] = openMean + ((mean - openMean) * weight) / (open + weight);
          continue;
        }
        before += open;
      }
      made++;
      newMeans[made] = mean;
      newWeights[made] = weight;
    }
    this.#centroids = made + 1;
    this.#means = newMeans.slice(0, this.#centroids);
    this.#weights = newWeights.slice(0, this.#centroids);
    this.#merged = total;
  }

  /** The value below which the share `quantile` of all observations lies, between centroids on a straight line; undefined when it saw none. */
  quantile(quantile: number): number | undefined {
    this.compress();
    if (this.#centroids === 0) return undefined;
    const wanted = quantile * this.#merged;
    let before = 0; // observations below the middle of the centroid at hand
    let lastMiddle = 0;
    for (let i = 0; i < this.#centroids; i++) {
      const weight = this.#weights[i] as number;
      const middle = before + weight / 2;
      if (middle > wanted) {
        if (i === 0) return this.#means[0];
        const lower = this.#means[i - 1] as number;
        return lower + ((wanted - lastMiddle) * ((this.#means[i] as number) - lower)) / (middle - lastMiddle);
      }
      before += weight;
      lastMiddle = middle;
    }
    return this.#means[this.#centroids - 1];
  }
}

/**
 * Quantiles over the last `maxAgeSeconds`, forgetting in steps of a `slices`-th of it: one digest a step, all of them merged when asked.
 * Without an age it remembers everything.
 */
export class WindowedDigest {
  readonly #slices: Digest[];
  readonly #stepMs: number;
  #at = 0;
  #startedMs: number;

  constructor(maxAgeSeconds = 0, slices = 0) {
    const isSliding = maxAgeSeconds > 0 && slices > 0;
    this.#slices = Array.from({ length: isSliding ? slices : 1 }, () => new Digest());
    this.#stepMs = isSliding ? (maxAgeSeconds * 1000) / slices : Infinity;
    this.#startedMs = isSliding ? Date.now() : 0;
  }

  push(value: number): void {
    if (this.#stepMs !== Infinity) this.#rotate();
    (this.#slices[this.#at] as Digest).push(value);
  }

  /** Observations within the window. */
  get count(): number {
    this.#rotate();
    return this.#slices.reduce((total, slice) => total + slice.count, 0);
  }

  /** One value a quantile; 0 when the window holds nothing, as prom-client says. */
  quantiles(quantiles: readonly number[]): number[] {
    this.#rotate();
    let all = this.#slices[0] as Digest;
    if (this.#slices.length > 1) {
      all = new Digest();
      for (const slice of this.#slices) all.add(slice);
    }
    return quantiles.map((quantile) => all.quantile(quantile) ?? 0);
  }

  clear(): void {
    for (const slice of this.#slices) slice.clear();
  }

  #rotate(): void {
    if (this.#stepMs === Infinity) return;
    const nowMs = Date.now();
    for (let steps = 0; nowMs - this.#startedMs > this.#stepMs; steps++) {
      if (steps === this.#slices.length) {
        this.#startedMs += Math.floor((nowMs - this.#startedMs) / this.#stepMs) * this.#stepMs;
        return;
      }
      this.#at = (this.#at + 1) % this.#slices.length;
      (this.#slices[this.#at] as Digest).clear();
      this.#startedMs += this.#stepMs;
    }
  }
}
