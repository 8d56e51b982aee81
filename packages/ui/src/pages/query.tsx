/** PromQL: a box with completion, a graph over time or the values of now. Everything shown is in the address. */
import { Button, Group, SegmentedControl, Stack, Table, Tabs, Text, Title } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { type QueryValue, queryInstant } from '../api/prometheus.ts';
import { ExpressionInput } from '../parts/expression-input.tsx';
import { Notice } from '../parts/notice.tsx';
import { RangeGraph } from '../parts/range-graph.tsx';
import { seriesName } from '../parts/text.ts';

const route = getRouteApi('/query');

const ranges = [
  { label: '5m', value: '300' },
  { label: '15m', value: '900' },
  { label: '1h', value: '3600' },
  { label: '6h', value: '21600' },
  { label: '1d', value: '86400' },
  { label: '1w', value: '604800' },
];

export function Query() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [text, setText] = useState(search.expr);
  useEffect(() => setText(search.expr), [search.expr]);

  const show = (change: Partial<typeof search>): void => {
    void navigate({ search: { ...search, ...change } });
  };
  const run = (expr: string): void => {
    const { end: _, ...rest } = search;
    void navigate({ search: { ...rest, expr } });
  };

  return (
    <Stack>
      <Title order={1} size="h3">
        Query
      </Title>
      <Group align="flex-start" wrap="nowrap">
        <ExpressionInput value={search.expr} onRun={run} onChange={setText} />
        <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => run(text)}>
          Run
        </Button>
      </Group>
      <Tabs value={search.tab} onChange={(tab) => show({ tab: tab === 'table' ? 'table' : 'graph' })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="graph">Graph</Tabs.Tab>
          <Tabs.Tab value="table">Table</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="graph" pt="sm">
          <Stack gap="sm">
            <Group>
              <SegmentedControl
                size="xs"
                data={ranges}
                value={String(search.range)}
                onChange={(value) => {
                  const { end: _, ...rest } = search;
                  void navigate({ search: { ...rest, range: Number(value) } });
                }}
              />
              {search.end !== undefined && (
                <Button size="xs" variant="default" onClick={() => run(search.expr)}>
                  Back to now
                </Button>
              )}
            </Group>
            <RangeGraph
              expr={search.expr}
              range={search.range}
              end={search.end}
              onZoom={(start, end) => show({ range: Math.max(10, Math.round(end - start)), end: Math.round(end) })}
            />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="table" pt="sm">
          <Instant expr={search.expr} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

function Instant({ expr }: { readonly expr: string }) {
  const answer = useQuery({
    queryKey: ['instant', expr],
    enabled: expr.trim() !== '',
    queryFn: ({ signal }) => queryInstant(expr, signal),
    refetchInterval: 5000,
  });
  if (answer.isError) return <Notice title="The expression could not be evaluated" error={answer.error} />;
  if (answer.data === undefined) return null;
  const rows = tableRows(answer.data.data);
  if (rows.length === 0) return <Text c="dimmed">The answer is empty.</Text>;
  return (
    <Table.ScrollContainer minWidth={400}>
      <Table highlightOnHover verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Series ({rows.length})</Table.Th>
            <Table.Th>Value</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.slice(0, 1000).map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Td ff="monospace" style={{ wordBreak: 'break-all' }}>
                {name}
              </Table.Td>
              <Table.Td ff="monospace">{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function tableRows(value: QueryValue): readonly (readonly [string, string])[] {
  switch (value.resultType) {
    case 'scalar':
    case 'string':
      return [[value.resultType, value.result[1]]];
    case 'vector':
      return value.result.map((one) => [seriesName(one.metric), one.value?.[1] ?? '(histogram)']);
    case 'matrix':
      return value.result.map((one) => [seriesName(one.metric), (one.values ?? []).map(([time, text]) => `${text} @${time}`).join(' ')]);
  }
}
