// What is live now, and what will be.
type Props = { readonly now: string; readonly then: string; readonly note?: string; readonly labels?: readonly [string, string] };

export const LiveChange = ({ now, then, note, labels = ['Live now', 'Will be live'] }: Props) => (
  <>
    <dl class="live-change">
      <div>
        <dt>{labels[0]}</dt>
        <dd>
          <code>{now}</code>
        </dd>
      </div>
      <div>
        <dt>{labels[1]}</dt>
        <dd>
          <code>{then}</code>
        </dd>
      </div>
    </dl>
    {note !== undefined && <p class="muted">{note}</p>}
  </>
);
