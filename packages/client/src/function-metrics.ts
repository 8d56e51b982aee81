/** Numbers that someone else keeps already: asked for when the metric is read. */
import { Counter, type CounterConfiguration } from './counter.ts';
import { Gauge, type GaugeConfiguration } from './gauge.ts';

type Read = () => number | Promise<number>;

export class GaugeFunc extends Gauge<never> {
  constructor(config: Omit<GaugeConfiguration<never>, 'collect' | 'labelNames'> & { value: Read }) {
    super(config);
    this.collect = () => readInto((value) => this.set(value), config.value);
  }
}

export class CounterFunc extends Counter<never> {
  /** `value` must never go down, but to begin anew. */
  constructor(config: Omit<CounterConfiguration<never>, 'collect' | 'labelNames'> & { value: Read }) {
    super(config);
    this.collect = () =>
      readInto((value) => {
        this.series.values[this.series.slot({})] = value;
      }, config.value);
  }
}

function readInto(write: (value: number) => void, read: Read): void | Promise<void> {
  const value = read();
  return typeof value === 'number' ? write(value) : value.then(write);
}
