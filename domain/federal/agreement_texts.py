"""The sample texts of the agreements with the Marketplace, in English and Spanish; placeholders for the real ones."""

VERSION = "2024-1"

_SAMPLE_EN = "SAMPLE TEXT. This is not a legal document. Replace it with the agreement in force.\n\n"
_SAMPLE_ES = "TEXTO DE MUESTRA. No es un documento legal. Sustitúyalo por el convenio vigente.\n\n"

GENERAL_EN = f"""\
{_SAMPLE_EN}\
Individual Marketplace General Agreement, version {VERSION}

As an agent or broker who helps consumers in the Individual Marketplace, I agree:

1. To help only with the consumer's consent, and to keep a record of it.

2. To give correct and complete information about every plan I show, and to leave the choice to the consumer.

3. To hold a valid license in every state in which I help consumers enroll, and to keep my profile correct, my \
National Producer Number above all.

4. To complete registration and training for every plan year before I help consumers in it.

5. To follow the rules of the Marketplace; registration may be ended if I do not.
"""

GENERAL_ES = f"""\
{_SAMPLE_ES}\
Convenio general con el Mercado Individual, versión {VERSION}

Como agente o corredor que asiste a consumidores en el Mercado Individual, me comprometo a lo siguiente:

1. Asistir solo con el consentimiento del consumidor y guardar constancia de él.

2. Dar información correcta y completa sobre cada plan que muestre, y dejar la elección al consumidor.

3. Tener una licencia vigente en cada estado en el que ayude a inscribirse, y mantener mi perfil correcto, sobre todo \
mi número de productor nacional.

4. Completar el registro y la capacitación de cada año del plan antes de asistir a consumidores en él.

5. Cumplir las reglas del Mercado; el registro puede terminar si no las cumplo.
"""

INDIVIDUAL_PRIVACY_EN = f"""\
{_SAMPLE_EN}\
Individual Marketplace Privacy and Security Agreement, version {VERSION}

When I help consumers in the Individual Marketplace, I agree:

1. To collect only the personal data that the help needs, and to say what it is for.

2. To protect it: on paper, on screen and in transit; to show it to nobody who does not need it.

3. To report a loss or misuse of personal data at once, and to help to repair it.

4. To destroy it safely when it is no longer needed and no rule asks me to keep it.
"""

INDIVIDUAL_PRIVACY_ES = f"""\
{_SAMPLE_ES}\
Convenio de privacidad y seguridad con el Mercado Individual, versión {VERSION}

Cuando asista a consumidores en el Mercado Individual, me comprometo a lo siguiente:

1. Reunir solo los datos personales que la asistencia necesite y decir para qué son.

2. Protegerlos: en papel, en pantalla y al enviarlos; no mostrarlos a quien no los necesite.

3. Informar de inmediato si se pierden o se usan indebidamente, y ayudar a repararlo.

4. Destruirlos de forma segura cuando ya no se necesiten y ninguna regla obligue a guardarlos.
"""

SHOP_PRIVACY_EN = f"""\
{_SAMPLE_EN}\
SHOP Privacy and Security Agreement, version {VERSION}

When I help small employers and their employees in the Small Business Health Options Program (SHOP), I agree:

1. To use the employer's and the employees' data only for their SHOP coverage.

2. To keep the data of one employee from the employer and from other employees, unless that employee agrees.

3. To protect the data as carefully as consumers' data in the Individual Marketplace.

4. To report a loss or misuse of data at once.
"""

SHOP_PRIVACY_ES = f"""\
{_SAMPLE_ES}\
Convenio de privacidad y seguridad de SHOP, versión {VERSION}

Cuando asista a pequeños empleadores y a sus empleados en el Programa de Opciones de Salud para Pequeñas Empresas \
(SHOP), me comprometo a lo siguiente:

1. Usar los datos del empleador y de los empleados solo para su cobertura de SHOP.

2. No mostrar los datos de un empleado al empleador ni a otros empleados, salvo que ese empleado esté de acuerdo.

3. Proteger los datos con el mismo cuidado que los de los consumidores del Mercado Individual.

4. Informar de inmediato si los datos se pierden o se usan indebidamente.
"""
