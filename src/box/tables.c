/* tables.c -- data/observation.tsv and data/tiers.tsv, built in. */
#include "box/box.h"

static const struct sl_obs_class classes[] = {
#include "obs_rows.h"
};
_Static_assert(sizeof(classes) / sizeof(classes[0]) <= SL_OBS_CLASS_MAX, "counters");

static const struct sl_tier_layer layers[] = {
#include "tier_rows.h"
};

const struct sl_obs_class *
sl_obs_classes(size_t *ret_n)
{
	*ret_n = sizeof(classes) / sizeof(classes[0]);
	return classes;
}

const struct sl_obs_class *
sl_obs_class(const char *name)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(classes[i].name, name) == 0)
			return &classes[i];
	return NULL;
}

bool
sl_obs_is_complete(const struct sl_obs_class *c, const struct sl_obs_lost *lost)
{
	return c->is_complete && (lost == NULL || lost->of_class[c - classes] == 0);
}

const char *
sl_obs_observer(const struct sl_obs_class *c, const struct sl_obs_lost *lost)
{
	bool is_traced = lost != NULL && lost->is_traced && c->traced_by[0] != '-';

	return is_traced ? c->traced_by : c->observed_by;
}

static const struct sl_tier_open opens[] = {
#include "open_rows.h"
};

const struct sl_tier_open *
sl_box_tier_open(size_t *ret_n)
{
	*ret_n = sizeof(opens) / sizeof(opens[0]);
	return opens;
}

const struct sl_tier_layer *
sl_box_tier_layers(size_t *ret_n)
{
	*ret_n = sizeof(layers) / sizeof(layers[0]);
	return layers;
}
