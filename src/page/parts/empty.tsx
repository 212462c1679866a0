// Nothing to show yet: why, and the next command.
import type { ComponentChildren } from 'preact';

export const Empty = ({
  title,
  children,
  command,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly command?: string;
}) => (
  <div class="empty">
    <h2>{title}</h2>
    {children}
    {command !== undefined && (
      <pre class="command" tabIndex={0}>
        <code>{command}</code>
      </pre>
    )}
  </div>
);
