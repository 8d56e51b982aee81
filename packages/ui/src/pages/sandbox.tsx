/** A task's sandbox: its files, and the end of one of them as it grows. */
import { Breadcrumbs, Button, Group, Paper, ScrollArea, Stack, Switch, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { browse, readFile } from '../api/cluster.ts';
import { LinkAnchor, LinkNav } from '../parts/links.tsx';
import { Notice } from '../parts/notice.tsx';
import { megabytes } from '../parts/text.ts';

const route = getRouteApi('/sandbox/$agentId');

export function Sandbox() {
  const { agentId } = route.useParams();
  const { path, file } = route.useSearch();
  const files = useQuery({
    queryKey: ['browse', agentId, path],
    queryFn: ({ signal }) => browse(agentId, path, signal),
    refetchInterval: 5000,
  });
  return (
    <Stack>
      <Title order={1} size="h3">
        Sandbox
      </Title>
      <Breadcrumbs>
        <LinkAnchor to="/">Cluster</LinkAnchor>
        <Text size="sm" ff="monospace" style={{ wordBreak: 'break-all' }}>
          {path}
        </Text>
      </Breadcrumbs>
      <Group align="flex-start" wrap="nowrap">
        <Paper withBorder p="xs" w={240} style={{ flexShrink: 0 }}>
          {files.isError && <Notice title="The folder could not be read" error={files.error} />}
          {files.data?.map((entry) => {
            const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
            const isFolder = entry.mode.startsWith('d');
            const search = isFolder ? { path: `${path}/${name}`, file: '' } : { path, file: name };
            return (
              <LinkNav
                key={entry.path}
                to="/sandbox/$agentId"
                params={{ agentId }}
                search={search}
                label={isFolder ? `${name}/` : name}
                description={isFolder ? 'folder' : megabytes(entry.size / 2 ** 20)}
                active={name === file}
              />
            );
          })}
        </Paper>
        {file !== '' && <Tail key={`${agentId}${path}/${file}`} agentId={agentId} path={`${path}/${file}`} />}
      </Group>
    </Stack>
  );
}

/** What the agent gives at once, and what the page keeps: enough to read, never a whole log of gigabytes. */
const pageBytes = 65_536;
const keptCharacters = 1_000_000;

function Tail({ agentId, path }: { readonly agentId: string; readonly path: string }) {
  const [text, setText] = useState('');
  const [follow, setFollow] = useState(true);
  const offset = useRef<number>(undefined);
  const end = useRef<HTMLDivElement>(null);

  const poll = useQuery({
    queryKey: ['tail', agentId, path],
    refetchInterval: 1000,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      if (offset.current === undefined) {
        const size = (await readFile(agentId, path, -1, signal)).offset;
        offset.current = Math.max(0, size - pageBytes);
      }
      const read = await readFile(agentId, path, offset.current, signal);
      if (read.data !== '') {
        offset.current += new TextEncoder().encode(read.data).length;
        setText((before) => (before + read.data).slice(-keptCharacters));
      }
      return offset.current;
    },
  });

  useEffect(() => {
    if (follow && text !== '') end.current?.scrollIntoView({ block: 'end' });
  }, [text, follow]);

  return (
    <Stack style={{ flex: 1, minWidth: 0 }} gap="xs">
      <Group justify="space-between">
        <Switch label="Follow" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
        <Button
          size="xs"
          variant="default"
          component="a"
          href={`/proxy/agent/${encodeURIComponent(agentId)}/files/download?path=${encodeURIComponent(path)}`}
        >
          Download
        </Button>
      </Group>
      {poll.isError && <Notice title="The file could not be read" error={poll.error} />}
      <ScrollArea h="65vh" type="auto" bd="1px solid var(--mantine-color-default-border)">
        <Text component="pre" ff="monospace" size="xs" m={0} p="xs" style={{ whiteSpace: 'pre-wrap', wordBreak: 'break-all' }}>
          {text === '' && poll.data !== undefined ? '(empty)' : text}
        </Text>
        <div ref={end} />
      </ScrollArea>
    </Stack>
  );
}
