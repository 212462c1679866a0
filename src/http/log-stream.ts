// GET /api/v1/deployments/:number/log: the log as plain text; with ?follow=1 it goes on until the deployment has ended.
import type { Request, Response } from 'express';
import { stream } from './stream.ts';
import { deploymentIn, notFound, queryValue } from './route.ts';
import type { Context } from './route.ts';
import { writeAndWait } from './connection.ts';

export async function followLog(context: Context, request: Request, response: Response): Promise<void> {
  const number = deploymentIn(request);
  const follow = ['1', 'true'].includes(queryValue(request, 'follow') ?? '');
  // Asked before the first line is there: an answer that has begun cannot become a 404.
  if ((await context.application.deployment(number)) === null) throw notFound('There is no such deployment.');
  await stream(context, request, response, 'text/plain; charset=utf-8', async (signal) => {
    for await (const line of context.application.log(number, { follow, signal })) {
      // A pager that is not read on for a while is no reason to cut the log: it waits in the file, not in memory.
      if (!(await writeAndWait(response, `${line}\n`, 2 ** 31 - 1, signal))) break;
    }
  });
}
