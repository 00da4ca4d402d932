import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale, useGet } from '../../../api/queries.js';
import { useMay } from '../../../api/session.js';
import { Fresh } from '../../../kit/panel.js';
import { useDraft } from '../../../shared/versioned/draft.js';
import { VersionedEditor } from '../../../shared/versioned/versioned-editor.js';
import { ChannelPanel } from './channel-panel.js';
import { bodyOf, CHANNELS, type Content, contentOf, type Notifications, notificationsTelling } from './channels.js';

const PATH = '/api/v1/notifications';

/** Who is told of incidents when nobody looks at this page. */
export function NotificationsTab() {
  const query = useGet(PATH);
  return <Fresh query={query}>{(notifications) => <Editor notifications={notifications} />}</Fresh>;
}

function Editor({ notifications }: { notifications: Notifications }) {
  const client = useQueryClient();
  const mayChange = useMay('admin');
  const draft = useDraft<Content>({ version: notifications.version, content: contentOf(notifications) });
  const [saved, say] = useState<string | null>(null);
  const put = useMutation<Notifications, ApiError, { content: Content; version: number }>({
    mutationFn: ({ content, version }) => answer(api.PUT(PATH, { params: { header: { 'If-Match': `"${version}"` } }, body: bodyOf(content) as never })) as Promise<Notifications>,
    onSuccess: (now) => {
      client.setQueryData([PATH, {}], now);
      draft.discard();
      say('Saved. Send a test by each channel: only an answer of the service shows that it reaches you.');
    },
    onSettled: () => makeStale(client, PATH),
  });
  const isQuiet = CHANNELS.every((channel) => !notifications[channel]?.enabled);
  return (
    <div className="stack">
      {isQuiet ? <p className="doubt">▲ Nobody is told of anything: whoever does not look at this page learns of no incident.</p> : null}
      {notifications.publicUrl === null ? <p className="quiet small">Messages carry no links: PUBLIC_URL is not set.</p> : null}
      <VersionedEditor draft={draft} telling={notificationsTelling} whose="of notifications" warningOf={() => null} askReason={false} error={put.error} busy={put.isPending} saved={saved} mayChange={mayChange} onForget={() => put.reset()}
        onSave={(content, version) => { say(null); put.mutate({ content, version }); }}>
        {CHANNELS.map((channel) => (
          <ChannelPanel key={channel} channel={channel} shown={notifications[channel]} mine={draft.mine[channel]} mayChange={mayChange} error={put.error?.status === 412 ? null : put.error} onChange={(settings) => draft.change({ ...draft.mine, [channel]: settings })} />
        ))}
      </VersionedEditor>
    </div>
  );
}
