import { Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queryRange } from '../api/prometheus.ts';
import { Chart, type ChartSeries } from './chart.tsx';
import { Notice } from './notice.tsx';
import { seriesName } from './text.ts';

interface RangeGraphProps {
  readonly expr: string;
  /** Width in seconds. */
  readonly range: number;
  /** Right edge in Unix seconds; undefined = now, refreshed. */
  readonly end?: number | undefined;
  readonly height?: number;
  readonly onZoom?: (start: number, end: number) => void;
}

/** More lines than this cannot be told apart, and slow the page. */
const mostSeries = 200;

/** A PromQL expression over time. About 400 points whatever the width, on round steps so that neighbouring answers agree. */
export function RangeGraph({ expr, range, end, height, onZoom }: RangeGraphProps) {
  const step = Math.max(1, Math.ceil(range / 400));
  const answer = useQuery({
    queryKey: ['range', expr, range, end],
    enabled: expr.trim() !== '',
    refetchInterval: end === undefined ? Math.max(2000, step * 1000) : false,
    queryFn: async ({ signal }) => {
      const right = Math.floor((end ?? Date.now() / 1000) / step) * step;
      const window = { start: right - Math.ceil(range / step) * step, end: right, step };
      return { ...window, ...(await queryRange(expr, window, signal)) };
    },
  });

  const series = useMemo<readonly ChartSeries[]>(
    () =>
      (answer.data?.data ?? []).slice(0, mostSeries).map((one) => ({
        name: seriesName(one.metric),
        times: (one.values ?? []).map(([time]) => time),
        values: (one.values ?? []).map(([, text]) => Number(text.replace('Inf', 'Infinity'))),
      })),
    [answer.data],
  );

  if (answer.isError) return <Notice title="The expression could not be evaluated" error={answer.error} />;
  if (answer.data === undefined) return expr.trim() === '' ? null : <Loader size="sm" aria-label="Loading" />;
  if (answer.data.data.length === 0) return <Text c="dimmed">No series in this range.</Text>;
  return (
    <Stack gap="xs">
      {answer.data.notes.map((note) => (
        <Text key={note} size="sm" c="yellow">
          {note}
        </Text>
      ))}
      <Chart
        series={series}
        start={answer.data.start}
        end={answer.data.end}
        step={answer.data.step}
        {...(height && { height })}
        {...(onZoom && { onZoom })}
      />
      {answer.data.data.length > mostSeries && (
        <Text size="sm" c="dimmed">
          {mostSeries} of {answer.data.data.length} series are drawn; narrow the expression or aggregate it.
        </Text>
      )}
    </Stack>
  );
}
