/** What is scraped, and how it went. */
import { Anchor, Badge, Group, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ScrapeTarget, targets } from '../api/prometheus.ts';
import { Notice } from '../parts/notice.tsx';
import { roughly } from '../parts/text.ts';

const healthColors = { up: 'green', down: 'red', unknown: 'gray' } as const;

export function Targets() {
  const answer = useQuery({ queryKey: ['targets'], queryFn: ({ signal }) => targets(signal), refetchInterval: 3000 });
  const pools = new Map<string, ScrapeTarget[]>();
  for (const target of answer.data ?? []) pools.set(target.scrapePool, [...(pools.get(target.scrapePool) ?? []), target]);
  return (
    <Stack>
      <Title order={1} size="h3">
        Targets
      </Title>
      {answer.isError && <Notice title="Targets could not be read" error={answer.error} />}
      {answer.data?.length === 0 && <Text c="dimmed">Nothing is scraped.</Text>}
      {[...pools].map(([pool, members]) => (
        <Pool key={pool} name={pool} members={members} />
      ))}
    </Stack>
  );
}

function Pool({ name, members }: { readonly name: string; readonly members: readonly ScrapeTarget[] }) {
  const up = members.filter((target) => target.health === 'up').length;
  return (
    <Stack gap={4}>
      <Title order={2} size="h5">
        {name} ({up}/{members.length} up)
      </Title>
      <Table.ScrollContainer minWidth={700}>
        <Table highlightOnHover verticalSpacing={4} layout="fixed">
          <Table.Tbody>
            {members.map((target) => (
              <Table.Tr key={target.scrapeUrl + JSON.stringify(target.labels)}>
                <Table.Td w={100}>
                  <Badge variant="light" color={healthColors[target.health]}>
                    {target.health}
                  </Badge>
                </Table.Td>
                <Table.Td>
                  <Anchor href={target.scrapeUrl} size="sm" ff="monospace">
                    {target.scrapeUrl}
                  </Anchor>
                  {target.lastError !== '' && (
                    <Text size="sm" c="red">
                      {target.lastError}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <Group gap={4}>
                    {Object.entries(target.labels).map(([label, value]) => (
                      <Badge key={label} size="sm" variant="default" tt="none">
                        {label}={value}
                      </Badge>
                    ))}
                  </Group>
                </Table.Td>
                <Table.Td w={200}>{scraped(target)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

function scraped(target: ScrapeTarget): string {
  const at = Date.parse(target.lastScrape);
  if (!(at > 0)) return 'not yet';
  return `${roughly((Date.now() - at) / 1000)} ago, took ${roughly(target.lastScrapeDuration)}`;
}
