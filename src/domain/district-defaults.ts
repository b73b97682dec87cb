/** What every new district begins with, in the five languages of this product: the portal's documented defaults. */
import type { RolePermissions } from '../access/viewer.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { Named } from './districts.ts'
import type { Multilingual } from './multilingual.ts'

const names = (en: string, es: string, fr: string, pt: string, ko: string): Multilingual => ({ en, es, fr, pt, ko })

/** Ids that code may name: every district is made with them. */
export const adminRole = '1a'
export const mentorRole = '1b'
export const candidateRole = '1c'
export const boardRole = '1d'

export const defaultRoles: readonly (Named & { permissions: RolePermissions })[] = [
  {
    id: adminRole,
    name: names('Admin', 'Administrador', 'Administrateur', 'Administrador', '관리자'),
    permissions: { p: 2, g: 1, i: 2, s: 1, r: 1, B: 1 },
  },
  { id: mentorRole, name: names('Mentor', 'Mentor', 'Mentor', 'Mentor', '멘토'), permissions: { m: 1 } },
  { id: candidateRole, name: names('Candidate', 'Candidato', 'Candidat', 'Candidato', '후보자'), permissions: { c: 1 } },
  {
    id: boardRole,
    name: names('Credentials Board', 'Junta de Credenciales', 'Commission des accréditations', 'Junta de Credenciais', '자격 심사 위원회'),
    permissions: { i: 2, b: { '1a': 1 } },
  },
]

export const defaultBoard: Named = {
  id: '1a',
  name: names('Credentials Board', 'Junta de Credenciales', 'Commission des accréditations', 'Junta de Credenciais', '자격 심사 위원회'),
}

export const defaultProfile: Named = { id: '1a', name: names('Interview', 'Entrevista', 'Entretien', 'Entrevista', '면접') }

export const defaultForm: Named = {
  id: '1a',
  name: names('Interview form', 'Formulario de entrevista', "Formulaire d'entretien", 'Formulário de entrevista', '면접 양식'),
}

/** A chosen option is stored as the number that its id spells. */
const recommendations: readonly Named[] = [
  { id: '1', name: names('Recommend', 'Recomendar', 'Recommander', 'Recomendar', '추천함') },
  { id: '2', name: names('Do not recommend', 'No recomendar', 'Ne pas recommander', 'Não recomendar', '추천하지 않음') },
]

/** In the order of the form. */
export const defaultFields: readonly Omit<Prisma.FormFieldCreateManyFormInput, 'position'>[] = [
  {
    id: '1a',
    name: names('Recommendation', 'Recomendación', 'Recommandation', 'Recomendação', '추천 여부'),
    type: 'select',
    private: false,
    options: recommendations,
  },
  {
    id: '1b',
    name: names(
      'What excited the committee',
      'Lo que entusiasmó al comité',
      'Ce qui a enthousiasmé le comité',
      'O que entusiasmou o comitê',
      '위원회가 인상 깊게 본 점',
    ),
    type: 'long_text',
    private: false,
  },
  {
    id: '1c',
    name: names('What to work on', 'En qué trabajar', 'Points à travailler', 'O que trabalhar', '더 준비할 점'),
    type: 'long_text',
    private: false,
  },
  {
    id: '1d',
    name: names('Board notes', 'Notas de la junta', 'Notes de la commission', 'Notas da junta', '위원회 메모'),
    type: 'long_text',
    private: true,
  },
  {
    id: '1e',
    name: names('Attachments', 'Archivos adjuntos', 'Pièces jointes', 'Anexos', '첨부 파일'),
    type: 'file',
    private: false,
  },
  {
    id: '1f',
    name: names('Quiz completed', 'Cuestionario completado', 'Questionnaire terminé', 'Questionário concluído', '퀴즈 완료'),
    type: 'checkbox',
    private: false,
  },
]
