"Everything that can change stands in settings.ini, which nbdev reads too."
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
ini = ConfigParser()
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
name, lib, readme = cfg['lib_name'], cfg['lib_path'], here/'README.md'
extras = {k: cfg[f'{k}_requirements'].split() for k in ('diffusers', 'dask', 'ray')}
stages = {'2': 'Pre-Alpha', '3': 'Alpha', '4': 'Beta', '5': 'Production/Stable'}

setup(
    name=name, version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'].split(),
    author=cfg['author'], author_email=cfg['author_email'] or None, license=cfg['license'], url=cfg['git_url'],
    project_urls={'Documentation': cfg['doc_host'] + cfg['doc_baseurl']},
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else cfg['description'],
    long_description_content_type='text/markdown',
    classifiers=[f'Development Status :: {cfg["status"]} - {stages[cfg["status"]]}',
                 f'Intended Audience :: {cfg["audience"]}', f'Natural Language :: {cfg["language"]}',
                 'Programming Language :: Python :: 3', 'Topic :: Scientific/Engineering :: Artificial Intelligence'],
    packages=find_packages(include=[lib, f'{lib}.*']), package_data={lib: cfg['package_data'].split()}, zip_safe=False,
    python_requires=f'>={cfg["min_python"]}', install_requires=cfg['requirements'].split(),
    extras_require={**extras, 'dev': [*cfg['dev_requirements'].split(), *sum(extras.values(), [])]},
    # the second entry lets the documentation of other nbdev projects link to ours
    entry_points={'console_scripts': cfg['console_scripts'].split(), 'nbdev': [f'{lib}={lib}._modidx:d']})
