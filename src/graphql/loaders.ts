/** What many fields of one answer need is read together: a constant number of statements for 1 and for 200 rows. */
import DataLoader from 'dataloader'
import type { SignedInViewer, Viewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import { type District, getDistrict, getSettings, type Settings } from '../domain/districts.ts'
import { type Interview, type InterviewListArgs, listInterviewsOf } from '../domain/interviews.ts'
import type { Page } from '../domain/paging.ts'
import { findPeople, mentorsOf, type Person } from '../domain/people.ts'

export class Loaders {
  readonly person: DataLoader<string, Person | undefined>
  readonly mentors: DataLoader<string, Person[]>
  private readonly deps: Deps
  private readonly viewer: Viewer
  private readonly interviewPages = new Map<string, DataLoader<string, Page<Interview>>>()
  private readonly districts = new Map<string, Promise<District>>()
  private readonly settings = new Map<string, Promise<Settings>>()

  constructor(deps: Deps, viewer: Viewer) {
    this.deps = deps
    this.viewer = viewer
    this.person = new DataLoader((ids) => findPeople(deps, viewer, ids))
    this.mentors = new DataLoader((ids) => mentorsOf(deps, this.signedIn(), ids))
  }

  /** Aliases with equal arguments share a statement, others have one each. */
  interviewsOf(personId: string, args: InterviewListArgs): Promise<Page<Interview>> {
    const name = JSON.stringify(args)
    let loader = this.interviewPages.get(name)
    if (!loader) {
      loader = new DataLoader((ids: readonly string[]) => listInterviewsOf(this.deps, this.signedIn(), ids, args))
      this.interviewPages.set(name, loader)
    }
    return loader.load(personId)
  }

  district(id: string): Promise<District> {
    return once(this.districts, id, () => getDistrict(this.deps, id))
  }

  districtSettings(id: string): Promise<Settings> {
    return once(this.settings, id, () => getSettings(this.deps, id))
  }

  /** The access table lets nobody else come this far. */
  private signedIn(): SignedInViewer {
    if (this.viewer.kind === 'anonymous') throw new Error('a relation was reached without a credential')
    return this.viewer
  }
}

function once<Value>(known: Map<string, Promise<Value>>, id: string, load: () => Promise<Value>): Promise<Value> {
  let value = known.get(id)
  if (!value) known.set(id, (value = load()))
  return value
}
