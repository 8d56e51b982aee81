import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { LinkButton } from './links.tsx';
import { RangeGraph } from './range-graph.tsx';

/** A query box with its graph for the first page; the Query page has the editor. */
export function QuickGraph() {
  const [text, setText] = useState('sum by (framework) (resource_usage{resource="cpu"})');
  const [expr, setExpr] = useState(text);
  return (
    <Stack gap="sm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setExpr(text);
        }}
      >
        <Group wrap="nowrap">
          <TextInput
            aria-label="PromQL expression"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            style={{ flex: 1 }}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          />
          <Button type="submit">Run</Button>
          <LinkButton variant="default" to="/query" search={{ expr: text, tab: 'graph', range: 900 }}>
            Open
          </LinkButton>
        </Group>
      </form>
      <RangeGraph expr={expr} range={300} height={220} />
    </Stack>
  );
}
