import { Badge } from '@mantine/core';

const colors: Readonly<Record<string, string>> = {
  TASK_STAGING: 'blue',
  TASK_STARTING: 'blue',
  TASK_RUNNING: 'green',
  TASK_KILLING: 'orange',
  TASK_FINISHED: 'gray',
  TASK_FAILED: 'red',
  TASK_ERROR: 'red',
  TASK_KILLED: 'orange',
};

export function TaskState({ state }: { readonly state: string }) {
  return (
    <Badge color={colors[state] ?? 'red'} variant="light" size="sm">
      {state.replace(/^TASK_/, '').toLowerCase()}
    </Badge>
  );
}
