import { Alert } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

/** Says what could not be shown, and why. */
export function Notice({ title, error }: { readonly title: string; readonly error: unknown }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={title}>
      {error instanceof Error ? error.message : String(error)}
    </Alert>
  );
}
