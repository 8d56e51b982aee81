import 'uplot/dist/uPlot.min.css';
import './chart.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { short } from './text.ts';

export interface ChartSeries {
  readonly name: string;
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

interface ChartProps {
  readonly series: readonly ChartSeries[];
  /** Unix seconds. */
  readonly start: number;
  readonly end: number;
  /** Seconds between points; a wider hole in a series is drawn as a hole. */
  readonly step: number;
  readonly height?: number;
  readonly legend?: boolean;
  /** Called with Unix seconds when a range was dragged out. */
  readonly onZoom?: (start: number, end: number) => void;
}

/** Hues far apart from each other that stay readable on white and on black; repeated after ten. */
const palette = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#8b5cf6', '#06b6d4', '#ec4899', '#84cc16', '#f97316', '#64748b'];

/** Lines over one shared time grid; where a series has no point there is a hole. */
function columns(series: readonly ChartSeries[], start: number, end: number, step: number): uPlot.AlignedData {
  const count = Math.max(1, Math.floor((end - start) / step) + 1);
  const grid = Array.from({ length: count }, (_, index) => start + index * step);
  const lines = series.map((one) => {
    const line: (number | null)[] = Array.from({ length: count }, () => null);
    one.times.forEach((time, index) => {
      const slot = Math.round((time - start) / step);
      const value = one.values[index] as number;
      if (slot >= 0 && slot < count && Number.isFinite(value)) line[slot] = value;
    });
    return line;
  });
  return [grid, ...lines] as uPlot.AlignedData;
}

export function Chart({ series, start, end, step, height = 320, legend = true, onZoom }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const dark = useComputedColorScheme('light') === 'dark';

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const ink = dark ? '#c1c2c5' : '#495057';
    const grid = { stroke: dark ? '#37393f' : '#e9ecef', width: 1 };
    const axis = { stroke: ink, grid, ticks: grid, font: '12px system-ui, sans-serif' };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: legend, live: true },
        cursor: { drag: { x: true, y: false } },
        scales: { x: { time: true, range: [start, end] } },
        axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map(short) }],
        series: [
          {},
          ...series.map((one, index) => ({
            label: one.name,
            stroke: palette[index % palette.length] as string,
            width: 1.5,
            points: { show: one.times.length < 3 },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : short(value)),
          })),
        ],
        hooks: {
          setSelect: [
            (self) => {
              if (self.select.width > 4)
                onZoom?.(self.posToVal(self.select.left, 'x'), self.posToVal(self.select.left + self.select.width, 'x'));
            },
          ],
        },
      },
      columns(series, start, end, step),
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, start, end, step, height, legend, onZoom, dark]);

  return <div ref={host} className="chart" role="img" aria-label={`Graph of ${series.length} series`} />;
}
